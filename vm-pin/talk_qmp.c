/* SPDX-License-Identifier: ISC */
/* QMP (QEMU's docs/interop/qmp-spec); the contracts are in talk_dev.h. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "vm-pin/json.h"
#include "vm-pin/talk_dev.h"

/* Asks, and finds what is returned, past the events that come at any time. NULL, or why not. */
static const char *
ask(struct talk *t, const char *command, struct json *value, struct why *w)
{
	struct json object;
	const char *line;

	if (!talk_say(t, command))
		return why(w, "%s", strerror(errno));
	while ((line = talk_line(t))) {
		if (!json_value(&object, line, strlen(line)))
			return "QMP that is no JSON";
		if (json_member(&object, "return", value))
			return NULL;
		if (json_member(&object, "error", value))
			return why(w, "QMP: %.*s", (int)(value->len < WHY_MAX ? value->len : WHY_MAX), value->at);
	}
	return why(w, "%s", strerror(errno));
}

static bool
member_number(const struct json *object, const char *name, uint64_t max, uint64_t *number)
{
	struct json value;

	return json_member(object, name, &value) && json_number(&value, max, number);
}

const char *
talk_qmp_threads(struct talk *t, struct talk_list *l, struct why *w)
{
	static const struct {
		const char *command;
		bool io;
	} asked[] = {
	    {"{\"execute\":\"query-cpus-fast\"}\n", false},
	    {"{\"execute\":\"query-iothreads\"}\n", true},
	};

	for (size_t i = 0; i < 2; i++) {
		struct json list, item;
		const char *at = NULL, *reason = ask(t, asked[i].command, &list, w);

		if (reason)
			return reason;
		while (json_item(&list, &at, &item)) {
			uint64_t index = 0, tid;
			struct talk_thread thread;

			if (!member_number(&item, "thread-id", INT_MAX, &tid) || !tid ||
			    (!asked[i].io && !member_number(&item, "cpu-index", TALK_THREADS_MAX, &index)))
				return "its list of threads makes no sense";
			thread = (struct talk_thread){.tid = (pid_t)tid, .io = asked[i].io, .index = (unsigned)index};
			if (!talk_add(l, &thread))
				return "its list of threads is too long";
		}
	}
	return NULL;
}

uint64_t
talk_qmp_memory(struct talk *t)
{
	uint64_t base = 0, plugged = 0;
	struct json sizes;
	struct why w;

	if (ask(t, "{\"execute\":\"query-memory-size-summary\"}\n", &sizes, &w) ||
	    !member_number(&sizes, "base-memory", INT64_MAX, &base))
		return 0;
	member_number(&sizes, "plugged-memory", INT64_MAX, &plugged);
	return base + plugged;
}

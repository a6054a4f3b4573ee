/* SPDX-License-Identifier: ISC */
/* kvm-run's control protocol; the contracts are in talk_dev.h. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/num.h"
#include "vm-pin/talk_dev.h"

/* The answer's next line; NULL behind its last, with *why NULL when that was `ok`. */
static char *
next_line(struct talk *t, const char **reason, struct why *w)
{
	char *line = talk_line(t);

	*reason = NULL;
	if (!line) {
		*reason = why(w, "%s", strerror(errno));
		return NULL;
	}
	if (!strncmp(line, "no ", 3)) {
		*reason = why(w, "%s", line[3] ? line + 3 : "it says no, and not why");
		return NULL;
	}
	return strncmp(line, "ok", 2) ? line : NULL;
}

/* "0\t4711" */
static bool
parse_vcpu(char *line, struct talk_thread *thread)
{
	char *tab = strchr(line, '\t');
	uint64_t index, tid;

	if (!tab)
		return false;
	*tab++ = '\0';
	tab[strcspn(tab, "\t")] = '\0'; /* fields that came to be later */
	if (!num_parse(line, 0, TALK_THREADS_MAX, &index) || !num_parse(tab, 1, INT_MAX, &tid))
		return false;
	*thread = (struct talk_thread){.tid = (pid_t)tid, .index = (unsigned)index};
	return true;
}

const char *
talk_ctl_threads(struct talk *t, struct talk_list *l, struct why *w)
{
	struct talk_thread thread;
	const char *reason;
	char *line;

	if (!talk_say(t, "vcpus\n"))
		return why(w, "%s", strerror(errno));
	while ((line = next_line(t, &reason, w)))
		if (!parse_vcpu(line, &thread) || !talk_add(l, &thread))
			return "its list of vCPUs makes no sense";
	return reason;
}

uint64_t
talk_ctl_memory(struct talk *t)
{
	static const char key[] = "memory\t";
	uint64_t bytes = 0;
	const char *reason;
	struct why w;
	char *line;

	if (!talk_say(t, "status\n"))
		return 0;
	while ((line = next_line(t, &reason, &w)))
		if (!strncmp(line, key, sizeof(key) - 1) && !num_parse(line + sizeof(key) - 1, 0, UINT64_MAX, &bytes))
			bytes = 0;
	return reason ? 0 : bytes;
}

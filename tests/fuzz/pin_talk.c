/* links: vm-pin/json.c vm-pin/talk.c vm-pin/talk_ctl.c vm-pin/talk_qmp.c */
/* SPDX-License-Identifier: ISC */
/* Any bytes as what a VMM says on its control connection: its threads, if it has any, are threads. */
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/fuzz/input.h"
#include "vm-pin/json.h"
#include "vm-pin/talk.h"

/* What lies in a value lies in the text, whatever the text is. */
static void
walk(const struct json *v, const char *text, size_t size, unsigned depth)
{
	const char *at = NULL;
	struct json item;

	if (v->at < text || v->len > size || (size_t)(v->at - text) > size - v->len)
		abort();
	if (json_member(v, "return", &item) && depth < JSON_DEPTH)
		walk(&item, text, size, depth + 1);
	while (depth < 4 && json_item(v, &at, &item))
		walk(&item, text, size, depth + 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *reason = NULL;
	struct talk_thread *v;
	struct json value;
	struct talk *t;
	struct why w;
	size_t n = 0;
	int sv[2];

	if (json_value(&value, (const char *)data, size))
		walk(&value, (const char *)data, size, 0);
	if (size > 32768 || socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		return 0;
	fd_write_all(sv[1], data, size);
	shutdown(sv[1], SHUT_WR);
	t = talk_open(sv[0], &reason, &w);
	v = t ? talk_threads(t, &n, &reason, &w) : NULL;
	if ((!t || !v) && !(reason && *reason))
		abort();
	for (size_t i = 0; v && i < n; i++)
		if (v[i].tid <= 0 || v[i].index > TALK_THREADS_MAX)
			abort();
	free(v);
	if (t)
		talk_memory(t);
	talk_close(t);
	close(sv[1]);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* wire_parse on any bytes: what it accepts keeps every limit, and says the same when it is written out again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/wire.h"

static size_t
write_out(const struct wire *w, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "%s,fd=", wire_kind_name(w->kind));

	for (size_t i = 0; i < w->nfds; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%d", i ? ":" : "", w->fds[i]);
	if (w->id[0])
		n += (size_t)snprintf(out + n, size - n, ",id=%s", w->id);
	for (size_t i = 0; i < w->nkeys; i++)
		n += (size_t)snprintf(out + n, size - n, ",%s=%s", w->keys[i].name, w->keys[i].value);
	return n;
}

static void
must(int held)
{
	if (!held)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire w, again;
	char text[WIRE_TEXT_MAX * 2];
	const char *why;
	size_t len;

	if (!wire_parse(&w, (const char *)data, size, &why)) {
		must(why && *why && strlen(why) < sizeof(w.why));
		return 0;
	}
	must(w.kind < WIRE_KINDS && w.nfds >= 1 && w.nfds <= WIRE_FDS_MAX && w.nkeys <= WIRE_KEYS_MAX);
	must(strlen(w.id) < sizeof(w.id));
	for (size_t i = 0; i < w.nfds; i++)
		must(w.fds[i] >= 0);
	len = write_out(&w, text, sizeof(text));
	must(len < WIRE_TEXT_MAX && wire_parse(&again, text, len, &why));
	must(again.kind == w.kind && again.nfds == w.nfds && !memcmp(again.fds, w.fds, w.nfds * sizeof(int)));
	must(again.nkeys == w.nkeys && !strcmp(again.id, w.id));
	for (size_t i = 0; i < w.nkeys; i++)
		must(!strcmp(wire_get(&again, w.keys[i].name), w.keys[i].value));
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* Lines of events; the contracts are in event.h. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-dhcpd/event.h"
#include "vm-dhcpd/name.h"

#define LINE_MAX 256
#define PIECE 4096 /* PIPE_BUF: a pipe that can be written to takes that much without waiting */

static void
append(struct events *e, const char *line, size_t len)
{
	if (sizeof(e->buf) - e->end < len && e->start) {
		memmove(e->buf, e->buf + e->start, e->end - e->start);
		e->end -= e->start;
		e->sure -= e->start;
		e->start = 0;
	}
	if (sizeof(e->buf) - e->end < len) {
		e->lost++;
		return;
	}
	memcpy(e->buf + e->end, line, len);
	e->end += len;
}

void
event_add(struct events *e, const char *what, const uint8_t mac[6], uint32_t addr, const char *name)
{
	const struct in_addr in = {.s_addr = htonl(addr)};
	char line[LINE_MAX], text[INET_ADDRSTRLEN];
	int len;

	if (e->gone)
		return;
	inet_ntop(AF_INET, &in, text, sizeof(text));
	len = snprintf(line, sizeof(line), "%s\t%lld\t" MAC_FORMAT "\t%s\t%s\n", what, (long long)time(NULL), 
	    MAC_ARGS(mac), text, name ? name : "");
	append(e, line, (size_t)len);
}

/* stdout may be shared, so it cannot be made non-blocking: it is asked before each piece. False: later. */
static bool
write_piece(struct events *e)
{
	struct pollfd p = {.fd = 1, .events = POLLOUT};
	size_t len = e->sure - e->start < PIECE ? e->sure - e->start : PIECE;
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return false;
	n = write(1, e->buf + e->start, len);
	if (n < 0) {
		note(1, "nobody reads the events");
		e->gone = true;
		e->start = e->sure = e->end = 0;
		return true;
	}
	e->start += (size_t)n;
	return true;
}

static void
drain(struct events *e)
{
	bool taken = true;

	while (taken && e->start < e->sure)
		taken = write_piece(e);
	if (e->start == e->sure && e->lost) {
		warn("%u events were not read in time, and are lost", e->lost);
		e->lost = 0;
	}
}

static void
writable(struct watch *w, uint32_t happened)
{
	struct events *e = container_of(w, struct events, watch);

	(void)happened;
	drain(e);
	if (e->start == e->sure)
		loop_unwatch(w);
}

/* A file cannot be watched, and need not: it is always ready. */
void
event_settle(struct events *e, struct loop *loop, bool happened)
{
	if (happened)
		e->sure = e->end;
	else
		e->end = e->sure;
	drain(e);
	if (e->start == e->sure)
		return;
	e->watch.fd = 1;
	e->watch.handler = writable;
	(void)loop_watch(loop, &e->watch, EPOLLOUT);
}

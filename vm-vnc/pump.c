/* SPDX-License-Identifier: ISC */
/*
 * Carries a viewer's bytes, with a buffer for each way: when one is full its sender is not read any more, so that a viewer who
 * does not read holds up nobody but himself.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "vm-vnc/gate.h"
#include "vm-vnc/stream.h"

#define UP 16384   /* from the viewer: keys, and what he copies */
#define DOWN 32768 /* to him: pixels; with the head of a frame before them */

struct pump {
	struct stream *s;
	int rfb;
	bool rfb_ended, ended;
	struct {
		uint8_t bytes[UP];
		size_t at, len;
	} up;
	struct {
		uint8_t bytes[WS_OWN_HEAD_MAX + DOWN];
		size_t at, len;
	} down;
};

static void
from_viewer(struct pump *p)
{
	ssize_t n = stream_recv(p->s, p->up.bytes, sizeof(p->up.bytes));

	if (n == 0)
		p->ended = true;
	if (n > 0) {
		p->up.at = 0;
		p->up.len = (size_t)n;
	}
}

static void
to_rfb(struct pump *p)
{
	ssize_t n = send(p->rfb, p->up.bytes + p->up.at, p->up.len, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		p->ended = true;
	if (n > 0) {
		p->up.at += (size_t)n;
		p->up.len -= (size_t)n;
	}
}

static void
from_rfb(struct pump *p)
{
	ssize_t n = recv(p->rfb, p->down.bytes + WS_OWN_HEAD_MAX, DOWN, 0);
	uint8_t head[WS_OWN_HEAD_MAX];
	size_t len;

	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		p->rfb_ended = true;
	if (n <= 0)
		return;
	len = p->s->web ? ws_head(head, WS_BINARY, (size_t)n) : 0;
	p->down.at = WS_OWN_HEAD_MAX - len;
	memcpy(p->down.bytes + p->down.at, head, len);
	p->down.len = len + (size_t)n;
}

static void
to_viewer(struct pump *p)
{
	ssize_t n = stream_raw_send(p->s, p->down.bytes + p->down.at, p->down.len);

	if (n == 0)
		p->ended = true;
	if (n > 0) {
		p->down.at += (size_t)n;
		p->down.len -= (size_t)n;
	}
}

/* Between two frames. */
static void
speak_for_websocket(struct pump *p)
{
	if (p->s->web && !p->down.len && p->s->ws.pinged) {
		p->down.at = 0;
		p->down.len = stream_word(p->s, p->down.bytes);
	}
}

static bool
wait_for_work(struct pump *p, struct pollfd fds[2])
{
	bool ready = !p->up.len && stream_pending(p->s);

	fds[0] = (struct pollfd){.fd = p->s->fd, .events = (short)((p->up.len ? 0 : POLLIN) | (p->down.len ? POLLOUT : 0))};
	fds[1] = (struct pollfd){.fd = p->rfb, .events = (short)((p->down.len ? 0 : POLLIN) | (p->up.len ? POLLOUT : 0))};
	/* One that only hangs up is told at every poll: it is not asked while nothing else is wanted of it. */
	for (int i = 0; i < 2; i++)
		if (!fds[i].events)
			fds[i].fd = -1;
	if (poll(fds, 2, ready ? 0 : -1) < 0)
		return errno == EINTR;
	if (ready)
		fds[0].revents |= POLLIN;
	return true;
}

void
pump_run(struct stream *s, int rfb)
{
	static struct pump p;
	struct pollfd fds[2];

	p = (struct pump){.s = s, .rfb = rfb};
	fd_set_nonblock(s->fd, true);
	fd_set_nonblock(rfb, true);
	while (!p.ended && !(p.rfb_ended && !p.down.len) && wait_for_work(&p, fds)) {
		if (p.down.len && fds[0].revents)
			to_viewer(&p);
		if (!p.up.len && fds[0].revents)
			from_viewer(&p);
		if (p.up.len && !p.ended)
			to_rfb(&p);
		speak_for_websocket(&p);
		if (!p.down.len && !p.rfb_ended && fds[1].revents)
			from_rfb(&p);
		if (p.down.len && !p.ended)
			to_viewer(&p);
	}
	stream_end(s);
}

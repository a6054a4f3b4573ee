/* SPDX-License-Identifier: ISC */
/* The switch; the contracts are in hub.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/frame.h"
#include "common/util.h"
#include "vm-bridge/hub.h"

#define MTU (FRAME_MAX - 18) /* of any frame that the framing allows */

/* Any moment before now may count as the start, but one so early that nothing could be too old. */
static uint32_t
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint32_t)ts.tv_sec + MACS_AGE + 1;
}

void
hub_init(struct hub *h, struct loop *loop)
{
	memset(h, 0, sizeof(*h));
	h->loop = loop;
	h->now = seconds();
	/* Too early in the boot for a seed: then the table can be guessed at, which costs no more than frames sent to all. */
	if (getrandom(&h->macs.seed, sizeof(h->macs.seed), GRND_NONBLOCK) < 0)
		h->macs.seed = (uintptr_t)h;
}

static void
put(struct port *to, const uint8_t *frame, size_t len)
{
	cable_send(&to->cable, frame, len);
	to->queued = true;
	to->out.frames++;
	to->out.bytes += len;
}

static void
forward(void *arg, uint8_t *frame, size_t len)
{
	const uint8_t *destination = frame, *source = frame + 6;
	struct port *from = arg;
	struct hub *h = from->hub;
	int to = -1;

	from->in.frames++;
	from->in.bytes += len;
	/* The lowest bit of an address's first byte: a group's (802, 8.2.2), which nobody sends from. */
	if (!h->repeats && !(source[0] & 1))
		macs_learn(&h->macs, source, from->index, h->now);
	if (!h->repeats && !(destination[0] & 1))
		to = macs_find(&h->macs, destination, h->now);
	/* Not to its own, even if that is where its destination is. */
	for (unsigned i = to < 0 ? 0 : (unsigned)to; i < (to < 0 ? HUB_PORTS : (unsigned)to + 1); i++)
		if (h->ports[i] && h->ports[i] != from)
			put(h->ports[i], frame, len);
}

/* Sends what waits. False when that told that nobody is there. */
static bool
flush(struct port *p)
{
	bool empty = cable_flush(&p->cable);

	p->queued = false;
	return !p->cable.gone && loop_watch(p->hub->loop, &p->watch, empty ? EPOLLIN : EPOLLIN | EPOLLOUT) == 0;
}

static void
leave(struct port *p)
{
	note(1, p->cable.broken ? "%s: sent a length that no frame has" : "%s: gone", p->name);
	if (p->left)
		p->left(p);
	hub_unplug(p);
}

/* A port that takes no more of its queue is told by EPOLLOUT when it does; until then frames only queue up. */
static void
flush_all(struct hub *h)
{
	for (unsigned i = 0; i < HUB_PORTS; i++)
		if (h->ports[i] && h->ports[i]->queued && !(h->ports[i]->watch.events & EPOLLOUT) && !flush(h->ports[i]))
			leave(h->ports[i]);
}

static void
port_ready(struct watch *w, uint32_t events)
{
	struct port *p = container_of(w, struct port, watch);
	struct hub *h = p->hub;
	bool here = true;

	h->now = seconds();
	if (events & EPOLLOUT)
		here = flush(p);
	if (here && (events & ~(uint32_t)EPOLLOUT))
		here = cable_receive(&p->cable, forward, p);
	if (!here)
		leave(p);
	flush_all(h);
}

struct port *
hub_plug(struct hub *h, int fd, const char *name, const char **why)
{
	struct port *p = calloc(1, sizeof(*p));
	uint16_t i = 0;
	int err;

	*why = p ? NULL : "out of memory";
	while (i < HUB_PORTS && h->ports[i])
		i++;
	if (i == HUB_PORTS)
		*why = "every port is taken";
	if (!*why)
		*why = cable_open(&p->cable, fd, MTU);
	if (*why) {
		free(p);
		return NULL;
	}
	p->hub = h;
	p->index = i;
	p->watch = (struct watch){.fd = fd, .handler = port_ready};
	snprintf(p->name, sizeof(p->name), "%s", name);
	err = loop_watch(h->loop, &p->watch, EPOLLIN);
	if (err) {
		*why = strerror(-err);
		cable_close(&p->cable);
		free(p);
		return NULL;
	}
	h->ports[i] = p;
	h->nports++;
	note(1, "%s: plugged in", name);
	return p;
}

void
hub_unplug(struct port *p)
{
	struct hub *h = p->hub;

	h->ports[p->index] = NULL;
	h->nports--;
	macs_forget(&h->macs, p->index);
	loop_unwatch(&p->watch);
	cable_close(&p->cable);
	close(p->watch.fd);
	free(p);
	if (h->changed)
		h->changed(h);
}

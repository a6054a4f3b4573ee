/* links: vm-bridge/hub.c vm-bridge/macs.c */
/* SPDX-License-Identifier: ISC */
/*
 * Any bytes from any of four guests of a hub: input is a byte of port, one of length, and bytes, and so on. What the guests
 * hear are whole frames; who breaks the framing is replaced by another.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/frame.h"
#include "vm-bridge/hub.h"

#define PORTS 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hub h;
static struct loop loop;
static struct guest {
	int fd;
	bool gone;
	struct frame_reader r;
	uint8_t buf[FRAME_MAX + FRAME_HEAD];
} guests[PORTS];

static void
left(struct port *p)
{
	((struct guest *)p->arg)->gone = true;
}

static void
plug(struct guest *g)
{
	const char *why;
	struct port *p;
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv) < 0)
		abort();
	p = hub_plug(&h, sv[0], "guest", &why);
	if (!p)
		abort();
	p->left = left;
	p->arg = g;
	g->fd = sv[1];
	g->gone = false;
	g->r = (struct frame_reader){.buf = g->buf, .cap = sizeof(g->buf)};
}

/* Everything that a guest has to hear. */
static void
hear(struct guest *g)
{
	const uint8_t *frame;
	size_t len;
	int got;

	while (frame_fill(&g->r, g->fd) > 0)
		while ((got = frame_next(&g->r, &frame, &len)))
			if (got < 0)
				abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	signal(SIGPIPE, SIG_IGN);
	loop_init(&loop);
	hub_init(&h, &loop);
	for (size_t i = 0; i < PORTS; i++)
		plug(&guests[i]);
	while (size > 2) {
		struct guest *g = &guests[data[0] % PORTS];
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		if (write(g->fd, data + 2, len) < 0)
			abort();
		data += len + 2;
		size -= len + 2;
		loop_once(&loop, 0);
		for (size_t i = 0; i < PORTS; i++)
			hear(&guests[i]);
		for (size_t i = 0; i < PORTS; i++)
			if (guests[i].gone) {
				close(guests[i].fd);
				plug(&guests[i]);
			}
		if (h.nports != PORTS)
			abort();
	}
	for (size_t i = 0; i < HUB_PORTS; i++)
		if (h.ports[i])
			hub_unplug(h.ports[i]);
	for (size_t i = 0; i < PORTS; i++)
		close(guests[i].fd);
	loop_done(&loop);
	return 0;
}

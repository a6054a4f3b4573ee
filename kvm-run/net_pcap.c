/* SPDX-License-Identifier: ISC */
/* Frames of net wires copied to pcap wires. Several devices, each on its own thread, may share one. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/pcap.h"
#include "kvm-run/net_hold.h"
#include "kvm-run/net_pcap.h"

struct net_capture {
	const char *id, *of; /* of the wire, which outlives this; of is NULL for all nets */
	pthread_mutex_t lock;
	bool ended; /* the reader has gone */
	struct pcap pcap;
};

/* A reader that left is no reason to disturb the guest: the capture ends. */
static void
check(struct net_capture *c, int err)
{
	if (!err || err == -EAGAIN)
		return;
	c->ended = true;
	errno = -err;
	warn_sys("%s: capture ends", c->id);
}

/* A slow reader must not delay the guest. But O_NONBLOCK belongs to the open file description, which others may share: a
 * pipe is opened anew, which gives one of our own; sockets are told at each call; and files make nobody wait. */
static int
own_description(const struct wire *w)
{
	char path[32];
	struct stat st;
	int fd;

	if (fstat(w->fds[0], &st) < 0)
		die_sys("%s: fd %d", w->id, w->fds[0]);
	if (S_ISSOCK(st.st_mode) || S_ISREG(st.st_mode))
		return w->fds[0];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", w->fds[0]);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (!fd_set_nonblock(w->fds[0], true)) /* no /proc, or another user's pipe */
		die_sys("%s: fd %d", w->id, w->fds[0]);
	return w->fds[0];
}

static struct net_capture *
capture_new(const struct wire *w)
{
	struct net_capture *c = calloc(1, sizeof(*c));

	if (!c)
		die_sys("%s", w->id);
	c->id = w->id;
	c->of = wire_get(w, "of");
	pthread_mutex_init(&c->lock, NULL);
	check(c, pcap_begin(&c->pcap, own_description(w)));
	return c;
}

struct net_capture **
net_capture_open(const struct wires *ws)
{
	struct net_capture **list = NULL;
	size_t n = 0;

	for (size_t i = 0; i < ws->n; i++) {
		if (ws->v[i].kind != WIRE_PCAP)
			continue;
		if (!list)
			list = calloc(ws->n + 1, sizeof(struct net_capture *));
		if (!list)
			die_sys("%s", ws->v[i].id);
		list[n++] = capture_new(&ws->v[i]);
	}
	return list;
}

struct net_capture **
net_capture_select(struct net_capture **all, const char *id)
{
	struct net_capture **list = NULL;
	size_t total = 0, n = 0;

	while (all && all[total])
		total++;
	for (size_t i = 0; i < total; i++) {
		if (all[i]->of && strcmp(all[i]->of, id) != 0)
			continue;
		if (!list)
			list = calloc(total + 1, sizeof(struct net_capture *));
		if (!list)
			return NULL;
		list[n++] = all[i];
	}
	return list;
}

void
net_capture_frame(struct net_capture **list, const struct iovec *iov, unsigned n, size_t skip, size_t len)
{
	struct iovec part[NET_HOLD_IOV];
	unsigned k = iov_part(part, iov, n, skip, len);

	for (; *list; list++) {
		struct net_capture *c = *list;

		pthread_mutex_lock(&c->lock);
		if (!c->ended)
			check(c, pcap_frame(&c->pcap, part, k));
		pthread_mutex_unlock(&c->lock);
	}
}

/* SPDX-License-Identifier: ISC */
/* An NBD export as a disk. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/disk_nbd_dev.h"
#include "common/fd.h"
#include "common/util.h"

#define HANDSHAKE_SECONDS 10
#define SILENCE_MS 30000 /* a server that finishes nothing for so long, while we have to wait, is gone */

static struct nbd *
nbd_of(struct disk *d)
{
	return container_of(d, struct nbd, disk);
}

void
nbd_finish(struct nbd *n, struct disk_req *r, int err)
{
	n->inflight--;
	r->done(r, err);
}

void
nbd_give_up(struct nbd *n, const char *reason)
{
	struct disk_req *waiting = n->waiting, *next;

	if (n->gone)
		return;
	n->gone = true;
	warn("%s: %s: every request fails from now on", n->id, reason);
	shutdown(n->fd, SHUT_RDWR);
	if (n->attached)
		loop_unwatch(&n->watch);
	n->sending = NULL;
	n->sending_end = &n->sending;
	n->reading = NULL;
	n->waiting = NULL;
	n->waiting_end = &n->waiting;
	for (struct slot *s = n->slots; s < n->slots + NBD_SLOTS; s++)
		if (s->req) {
			struct disk_req *r = s->req;

			nbd_put_slot(n, s);
			nbd_finish(n, r, EIO);
		}
	for (; waiting; waiting = next) {
		next = waiting->next;
		nbd_finish(n, waiting, EIO);
	}
}

static void
push_out(struct nbd *n)
{
	uint32_t events = EPOLLIN | (nbd_push(n) ? 0 : EPOLLOUT);

	if (n->attached && !n->gone && n->watch.events != events)
		loop_watch(n->watch.loop, &n->watch, events);
}

static void
ready(struct watch *w, uint32_t events)
{
	struct nbd *n = container_of(w, struct nbd, watch);

	(void)events;
	nbd_take(n);
	if (!n->gone)
		push_out(n);
	if (n->disk.reaped)
		n->disk.reaped(&n->disk);
}

static int
nbd_attach(struct disk *d, struct loop *l)
{
	struct nbd *n = nbd_of(d);
	int err;

	if (n->gone)
		return 0;
	n->watch = (struct watch){.fd = n->fd, .handler = ready};
	err = loop_watch(l, &n->watch, EPOLLIN);
	n->attached = !err;
	return err;
}

static void
nbd_detach(struct disk *d)
{
	struct nbd *n = nbd_of(d);

	if (n->attached)
		loop_unwatch(&n->watch);
	n->attached = false;
}

/* What needs no server: flushes that it does not know, since it keeps nothing back, and discards that it cannot use. */
static bool
for_nothing(const struct nbd *n, const struct disk_req *r)
{
	return (r->op == DISK_FLUSH && (n->flags & DISK_UNSAFE || !nbd_can(n, NBD_FLAG_SEND_FLUSH))) ||
	       (r->op == DISK_DISCARD && !nbd_can(n, NBD_FLAG_SEND_TRIM));
}

static void
nbd_submit(struct disk *d, struct disk_req *r)
{
	struct nbd *n = nbd_of(d);

	if (n->gone || for_nothing(n, r)) {
		r->done(r, n->gone ? EIO : 0);
		return;
	}
	if (n->flags & DISK_UNSAFE)
		r->flags &= ~(unsigned)DISK_FUA;
	n->inflight++;
	nbd_queue(n, r);
}

static void
nbd_commit(struct disk *d)
{
	struct nbd *n = nbd_of(d);

	if (!n->gone)
		push_out(n);
}

static void
nbd_drain(struct disk *d)
{
	struct nbd *n = nbd_of(d);

	while (n->inflight) {
		struct pollfd p = {.fd = n->fd, .events = POLLIN};

		push_out(n);
		p.events |= n->sending ? POLLOUT : 0;
		if (!n->gone && poll(&p, 1, SILENCE_MS) == 0)
			nbd_give_up(n, "the NBD server does not answer");
		nbd_take(n);
	}
}

static void
nbd_close(struct disk *d)
{
	struct nbd *n = nbd_of(d);
	uint8_t bye[NBD_REQUEST_LEN] = {0};

	put_be32(bye, NBD_REQUEST_MAGIC);
	put_be16(bye + 6, NBD_CMD_DISC);
	if (!n->gone)
		send(n->fd, bye, sizeof(bye), MSG_DONTWAIT | MSG_NOSIGNAL);
	free(n);
}

static const struct disk_ops nbd_ops = {
	.attach = nbd_attach,
	.detach = nbd_detach,
	.submit = nbd_submit,
	.commit = nbd_commit,
	.drain = nbd_drain,
	.close = nbd_close,
};

static const char *
set_geometry(struct nbd *n, struct why *w)
{
	const struct nbd_export *e = &n->export;
	struct disk *d = &n->disk;

	d->size = e->size;
	d->block_size = e->block_min > 512 ? e->block_min : 512;
	d->physical_block = e->block_preferred > d->block_size ? e->block_preferred : d->block_size;
	d->read_only = e->flags & NBD_FLAG_READ_ONLY;
	return e->payload_max < d->block_size ? why(w, "the NBD server's largest request is of %u bytes", e->payload_max) : NULL;
}

const char *
disk_nbd_open(struct disk **out, int fd, const char *id, const char *export, unsigned flags, struct why *w)
{
	struct nbd *n = calloc(1, sizeof(*n));
	const char *bad;

	if (!n)
		return why(w, "%s", strerror(ENOMEM));
	n->disk.ops = &nbd_ops;
	n->fd = fd;
	n->flags = flags;
	snprintf(n->id, sizeof(n->id), "%s", id);
	n->sending_end = &n->sending;
	n->waiting_end = &n->waiting;
	for (size_t i = 0; i < NBD_SLOTS; i++)
		nbd_put_slot(n, &n->slots[i]);
	bad = nbd_handshake(fd, export, HANDSHAKE_SECONDS, &n->export, w);
	if (!bad)
		bad = set_geometry(n, w);
	if (!bad && !fd_set_nonblock(fd, true))
		bad = why(w, "%s", strerror(errno));
	if (bad) {
		free(n);
		return bad;
	}
	*out = &n->disk;
	return NULL;
}

/* SPDX-License-Identifier: ISC */
/*
 * An NBD export as a disk. A request goes out in pieces, one at a time, each in one of the slots whose number is its cookie:
 * so what a server answers is looked up, never believed. Replies are simple ones: structured replies were not asked for.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/disk_nbd.h"
#include "common/fd.h"
#include "common/iov.h"
#include "common/nbd.h"
#include "common/nbd_client.h"
#include "common/util.h"

#define SLOTS 128
#define HANDSHAKE_SECONDS 10
#define SILENCE_MS 30000	  /* a server that finishes nothing for so long, while we have to wait, is gone */
#define RANGE_MAX (1U << 30)	  /* of a discard or zeroes: the protocol's length has 32 bits */
#define SEND_IOVS 64
#define RECEIVE_IOVS 64
#define RECEIVE_ROOM 4096

/* Never written, so all of it is the kernel's one page of zeroes. */
static const uint8_t zeroes[256 << 10];

struct slot {
	struct disk_req *req; /* NULL: free */
	uint8_t head[NBD_REQUEST_LEN];
	uint32_t len;	/* of the piece */
	uint32_t data;	/* bytes that follow the head */
	uint32_t gone;	/* bytes of head and data that were sent */
	struct slot *next; /* to be sent, or free */
};

struct nbd {
	struct disk disk; /* first */
	int fd;
	char id[32];
	unsigned flags; /* DISK_ */
	struct nbd_export export;
	struct watch watch;
	bool attached, gone;
	struct slot slots[SLOTS];
	struct slot *free;
	struct slot *sending, **sending_end;
	struct disk_req *waiting, **waiting_end; /* for a slot */
	unsigned inflight;			 /* requests */
	/* What comes in: the read whose data is due, or else the next reply. */
	struct slot *reading;
	uint32_t due;
	uint8_t room[RECEIVE_ROOM];
	size_t have_from, have_to; /* of room */
};

static struct nbd *
nbd_of(struct disk *d)
{
	return container_of(d, struct nbd, disk);
}

static bool
can(const struct nbd *n, unsigned flag)
{
	return n->export.flags & flag;
}

static void
finish(struct nbd *n, struct disk_req *r, int err)
{
	n->inflight--;
	r->done(r, err);
}

static void
put_slot(struct nbd *n, struct slot *s)
{
	s->req = NULL;
	s->next = n->free;
	n->free = s;
}

/* The connection is of no use any more. */
static void
give_up(struct nbd *n, const char *reason)
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
	for (struct slot *s = n->slots; s < n->slots + SLOTS; s++)
		if (s->req) {
			struct disk_req *r = s->req;

			put_slot(n, s);
			finish(n, r, EIO);
		}
	for (; waiting; waiting = next) {
		next = waiting->next;
		finish(n, waiting, EIO);
	}
}

/* The command of the next piece. A write that has to be stable, where the server knows no FUA, is a flush in the end. */
static enum nbd_command
command_of(const struct nbd *n, const struct disk_req *r)
{
	switch (r->op) {
	case DISK_READ:
		return NBD_CMD_READ;
	case DISK_WRITE:
		return r->len ? NBD_CMD_WRITE : NBD_CMD_FLUSH;
	case DISK_DISCARD:
		return r->len ? NBD_CMD_TRIM : NBD_CMD_FLUSH;
	case DISK_ZERO:
		return !r->len ? NBD_CMD_FLUSH : can(n, NBD_FLAG_SEND_WRITE_ZEROES) ? NBD_CMD_WRITE_ZEROES : NBD_CMD_WRITE;
	default:
		return NBD_CMD_FLUSH;
	}
}

static uint32_t
piece_len(const struct nbd *n, const struct disk_req *r, enum nbd_command c)
{
	uint64_t max = n->export.payload_max;

	if (c == NBD_CMD_FLUSH)
		return 0;
	if (c == NBD_CMD_TRIM || c == NBD_CMD_WRITE_ZEROES)
		max = RANGE_MAX;
	else if (r->op == DISK_ZERO)
		max = min_u64(max, sizeof(zeroes));
	return (uint32_t)min_u64(r->len, align_down(max, n->disk.block_size));
}

static void
fill_slot(struct nbd *n, struct slot *s, struct disk_req *r)
{
	enum nbd_command c = command_of(n, r);
	unsigned flags = 0;

	s->req = r;
	s->len = piece_len(n, r, c);
	s->data = c == NBD_CMD_WRITE ? s->len : 0;
	s->gone = 0;
	s->next = NULL;
	if (r->flags & DISK_FUA && can(n, NBD_FLAG_SEND_FUA) && c != NBD_CMD_FLUSH && c != NBD_CMD_READ)
		flags |= NBD_CMD_FLAG_FUA;
	if (c == NBD_CMD_WRITE_ZEROES && !(r->flags & DISK_UNMAP))
		flags |= NBD_CMD_FLAG_NO_HOLE;
	put_be32(s->head, NBD_REQUEST_MAGIC);
	put_be16(s->head + 4, (uint16_t)flags);
	put_be16(s->head + 6, (uint16_t)c);
	put_be64(s->head + 8, (uint64_t)(s - n->slots));
	put_be64(s->head + 16, c == NBD_CMD_FLUSH ? 0 : r->off);
	put_be32(s->head + 24, s->len);
	*n->sending_end = s;
	n->sending_end = &s->next;
}

/* Gives waiting requests slots. */
static void
fill_slots(struct nbd *n)
{
	while (n->waiting && n->free) {
		struct disk_req *r = n->waiting;
		struct slot *s = n->free;

		n->free = s->next;
		n->waiting = r->next;
		if (!n->waiting)
			n->waiting_end = &n->waiting;
		fill_slot(n, s, r);
	}
}

/* What is left to send of a slot, in at most max pieces. */
static unsigned
unsent(const struct slot *s, struct iovec *iov, unsigned max)
{
	uint32_t data_gone = s->gone > NBD_REQUEST_LEN ? s->gone - NBD_REQUEST_LEN : 0, data = s->data - data_gone;
	struct iovec zero = {(void *)(uintptr_t)(zeroes + data_gone), data};
	unsigned n = 0;

	if (s->gone < NBD_REQUEST_LEN)
		iov[n++] = (struct iovec){(void *)(uintptr_t)(s->head + s->gone), NBD_REQUEST_LEN - s->gone};
	if (!data || n == max)
		return n;
	if (s->req->op == DISK_ZERO)
		return n + iov_part(iov + n, &zero, 1, 0, data);
	/* An iovec may be longer than there is room here: the rest goes with the next call. */
	for (unsigned i = 0, skip = data_gone; i < s->req->niov && data && n < max; i++) {
		const struct iovec *v = &s->req->iov[i];
		size_t len;

		if (skip >= v->iov_len) {
			skip -= (unsigned)v->iov_len;
			continue;
		}
		len = min_u64(v->iov_len - skip, data);
		iov[n++] = (struct iovec){(char *)v->iov_base + skip, len};
		data -= (uint32_t)len;
		skip = 0;
	}
	return n;
}

static void
sent(struct nbd *n, size_t len)
{
	for (struct slot *s; len && (s = n->sending);) {
		uint32_t left = NBD_REQUEST_LEN + s->data - s->gone, now = (uint32_t)min_u64(left, len);

		s->gone += now;
		len -= now;
		if (now < left)
			return;
		n->sending = s->next;
		if (!n->sending)
			n->sending_end = &n->sending;
	}
}

/* Sends what the socket takes; false when it takes no more for now. */
static bool
flush_out(struct nbd *n)
{
	struct iovec iov[SEND_IOVS];

	while (n->sending) {
		struct msghdr m = {.msg_iov = iov};
		ssize_t len;

		for (struct slot *s = n->sending; s && m.msg_iovlen < SEND_IOVS - 1; s = s->next) {
			unsigned room = SEND_IOVS - (unsigned)m.msg_iovlen, used = unsent(s, iov + m.msg_iovlen, room);

			m.msg_iovlen += used;
			if (used == room) /* perhaps not all of it: nothing may come after */
				break;
		}
		len = sendmsg(n->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return false;
		if (len < 0) {
			give_up(n, strerror(errno));
			return true;
		}
		sent(n, (size_t)len);
	}
	return true;
}

static void
push_out(struct nbd *n)
{
	uint32_t events;

	fill_slots(n);
	events = EPOLLIN | (flush_out(n) ? 0 : EPOLLOUT);
	if (n->attached && !n->gone && n->watch.events != events)
		loop_watch(n->watch.loop, &n->watch, events);
}

static int
error_of(uint32_t err)
{
	switch (err) {
	case NBD_EPERM:
		return EPERM;
	case NBD_ENOMEM:
		return ENOMEM;
	case NBD_EINVAL:
		return EINVAL;
	case NBD_ENOSPC:
		return ENOSPC;
	case NBD_ENOTSUP:
		return EOPNOTSUPP;
	default:
		return EIO;
	}
}

/* A piece is done: the request too, unless there is more of it. */
static void
piece_done(struct nbd *n, struct slot *s, int err)
{
	struct disk_req *r = s->req;
	bool flushed = get_be16(s->head + 6) == NBD_CMD_FLUSH, more;

	if (!err && (r->op == DISK_READ || r->op == DISK_WRITE))
		iov_skip(&r->iov, &r->niov, s->len);
	r->off += s->len;
	r->len -= s->len;
	more = r->len || (r->flags & DISK_FUA && !flushed && !can(n, NBD_FLAG_SEND_FUA) && can(n, NBD_FLAG_SEND_FLUSH));
	put_slot(n, s);
	if (err || !more) {
		finish(n, r, err);
		return;
	}
	r->next = NULL;
	*n->waiting_end = r;
	n->waiting_end = &r->next;
}

/* NULL, or what is wrong with it. */
static const char *
take_reply(struct nbd *n, const uint8_t *head)
{
	uint32_t err = get_be32(head + 4);
	uint64_t cookie = get_be64(head + 8);
	struct slot *s = cookie < SLOTS ? &n->slots[cookie] : NULL;

	if (get_be32(head) != NBD_SIMPLE_MAGIC || !s || !s->req || s->gone < NBD_REQUEST_LEN + s->data)
		return "the NBD server's reply is to nothing that was asked";
	if (err == NBD_ESHUTDOWN)
		return "the NBD server shuts down";
	if (err || s->req->op != DISK_READ) {
		piece_done(n, s, err ? error_of(err) : 0);
		return NULL;
	}
	n->reading = s;
	n->due = s->len;
	return NULL;
}

/* All that is there in memory: replies, and data into the requests' buffers. */
static const char *
take_in(struct nbd *n)
{
	for (;;) {
		size_t have = n->have_to - n->have_from;

		if (n->reading && n->due && have) {
			struct disk_req *r = n->reading->req;
			size_t len = min_u64(have, n->due);

			iov_write(r->iov, r->niov, n->reading->len - n->due, n->room + n->have_from, len);
			n->have_from += len;
			n->due -= (uint32_t)len;
		} else if (n->reading && !n->due) {
			struct slot *s = n->reading;

			n->reading = NULL;
			piece_done(n, s, 0);
		} else if (!n->reading && have >= NBD_SIMPLE_LEN) {
			const char *bad = take_reply(n, n->room + n->have_from);

			if (bad)
				return bad;
			n->have_from += NBD_SIMPLE_LEN;
		} else {
			memmove(n->room, n->room + n->have_from, have);
			n->have_from = 0;
			n->have_to = have;
			return NULL;
		}
	}
}

/* One call: the rest of the data straight to where it belongs, what follows into the room. */
static ssize_t
receive(struct nbd *n)
{
	struct iovec iov[RECEIVE_IOVS + 1];
	struct msghdr m = {.msg_iov = iov};
	uint32_t direct = 0;
	ssize_t len;

	if (n->reading) {
		struct disk_req *r = n->reading->req;
		uint32_t skip = n->reading->len - n->due, left = n->due;

		for (unsigned i = 0; i < r->niov && left && m.msg_iovlen < RECEIVE_IOVS; i++) {
			size_t size = r->iov[i].iov_len, take;

			if (skip >= size) {
				skip -= (uint32_t)size;
				continue;
			}
			take = min_u64(size - skip, left);
			iov[m.msg_iovlen++] = (struct iovec){(char *)r->iov[i].iov_base + skip, take};
			direct += (uint32_t)take;
			left -= (uint32_t)take;
			skip = 0;
		}
	}
	if (!n->reading || direct == n->due)
		iov[m.msg_iovlen++] = (struct iovec){n->room + n->have_to, sizeof(n->room) - n->have_to};
	len = recvmsg(n->fd, &m, MSG_DONTWAIT);
	if (len > 0) {
		uint32_t got = (uint32_t)min_u64((uint64_t)len, direct);

		n->due -= got;
		n->have_to += (size_t)len - got;
	}
	return len;
}

static void
read_in(struct nbd *n)
{
	while (!n->gone) {
		ssize_t len = receive(n);
		const char *bad;

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0 && errno == EAGAIN)
			return;
		bad = len < 0 ? strerror(errno) : !len ? "the NBD server hung up" : take_in(n);
		if (bad)
			give_up(n, bad);
	}
}

static void
ready(struct watch *w, uint32_t events)
{
	struct nbd *n = container_of(w, struct nbd, watch);

	(void)events;
	read_in(n);
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
	return (r->op == DISK_FLUSH && (n->flags & DISK_UNSAFE || !can(n, NBD_FLAG_SEND_FLUSH))) ||
	       (r->op == DISK_DISCARD && !can(n, NBD_FLAG_SEND_TRIM));
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
	r->next = NULL;
	*n->waiting_end = r;
	n->waiting_end = &r->next;
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
			give_up(n, "the NBD server does not answer");
		read_in(n);
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
	for (size_t i = 0; i < SLOTS; i++)
		put_slot(n, &n->slots[i]);
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

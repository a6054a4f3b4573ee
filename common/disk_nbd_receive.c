/* SPDX-License-Identifier: ISC */
/* What comes in from an NBD server: replies, and the data of reads, straight to where it belongs. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/disk_nbd_dev.h"
#include "common/iov.h"

#define RECEIVE_IOVS 64

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
	more = r->len || (r->flags & DISK_FUA && !flushed && !nbd_can(n, NBD_FLAG_SEND_FUA) && nbd_can(n, NBD_FLAG_SEND_FLUSH));
	nbd_put_slot(n, s);
	if (err || !more)
		nbd_finish(n, r, err);
	else
		nbd_queue(n, r);
}

/* NULL, or what is wrong with it. */
static const char *
take_reply(struct nbd *n, const uint8_t *head)
{
	uint32_t err = get_be32(head + 4);
	uint64_t cookie = get_be64(head + 8);
	struct slot *s = cookie < NBD_SLOTS ? &n->slots[cookie] : NULL;

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

void
nbd_take(struct nbd *n)
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
			nbd_give_up(n, bad);
	}
}


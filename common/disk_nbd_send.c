/* SPDX-License-Identifier: ISC */
/* What goes out to an NBD server: requests, in pieces. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/disk_nbd_dev.h"
#include "common/iov.h"

#define RANGE_MAX (1U << 30) /* of a discard or zeroes: the protocol's length has 32 bits */
#define SEND_IOVS 64

/* Never written, so all of it is the kernel's one page of zeroes. */
static const uint8_t zeroes[256 << 10];

void
nbd_queue(struct nbd *n, struct disk_req *r)
{
	r->next = NULL;
	*n->waiting_end = r;
	n->waiting_end = &r->next;
}

void
nbd_put_slot(struct nbd *n, struct slot *s)
{
	s->req = NULL;
	s->next = n->free;
	n->free = s;
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
		return !r->len ? NBD_CMD_FLUSH : nbd_can(n, NBD_FLAG_SEND_WRITE_ZEROES) ? NBD_CMD_WRITE_ZEROES : NBD_CMD_WRITE;
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
	if (r->flags & DISK_FUA && nbd_can(n, NBD_FLAG_SEND_FUA) && c != NBD_CMD_FLUSH && c != NBD_CMD_READ)
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
			nbd_give_up(n, strerror(errno));
			return true;
		}
		sent(n, (size_t)len);
	}
	return true;
}

bool
nbd_push(struct nbd *n)
{
	fill_slots(n);
	return flush_out(n);
}

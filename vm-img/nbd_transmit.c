/* SPDX-License-Identifier: ISC */
/* An NBD client's requests, one after the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/fd.h"
#include "common/image/unpack.h"
#include "vm-img/nbd_server.h"

/* The error as the protocol has it, of a -errno. */
static uint32_t
error_code(int err)
{
	switch (-err) {
	case 0:
		return 0;
	case EPERM:
	case EROFS:
	case EACCES:
		return NBD_EPERM;
	case ENOMEM:
		return NBD_ENOMEM;
	case EINVAL:
		return NBD_EINVAL;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return NBD_ENOSPC;
	case ENOTSUP:
		return NBD_ENOTSUP;
	default:
		return NBD_EIO;
	}
}

bool
nbd_answer(struct nbd_client *c, const struct nbd_request *r, int err)
{
	uint8_t msg[NBD_CHUNK_LEN + 6] = {0};
	size_t n = NBD_SIMPLE_LEN;

	/* The protocol has simple replies for all but reads, and for them too in the end: an error chunk only to those. */
	if (c->structured && (r->command == NBD_CMD_READ || r->command == NBD_CMD_BLOCK_STATUS)) {
		put_be32(msg, NBD_CHUNK_MAGIC);
		put_be16(msg + 4, NBD_CHUNK_DONE);
		put_be16(msg + 6, NBD_CHUNK_ERROR);
		put_be32(msg + 16, 6);
		put_be32(msg + NBD_CHUNK_LEN, error_code(err));
		n = sizeof(msg);
	} else {
		put_be32(msg, NBD_SIMPLE_MAGIC);
		put_be32(msg + 4, error_code(err));
	}
	memcpy(msg + 8, r->cookie, sizeof(r->cookie));
	return fd_write_all(c->fd, msg, n) >= 0;
}

/* Something that changes the image, and is on stable storage afterwards where that was asked for. */
static int
change(struct nbd_client *c, const struct nbd_request *r, uint64_t off, const void *data, uint64_t len)
{
	struct image *i = c->server->image;
	int err;

	pthread_mutex_lock(&c->server->lock);
	switch (r->command) {
	case NBD_CMD_WRITE:
		err = image_write(i, data, len, off);
		break;
	case NBD_CMD_WRITE_ZEROES:
		err = image_zero(i, off, len, r->flags & NBD_CMD_FLAG_NO_HOLE ? 0 : ZERO_UNMAP);
		break;
	case NBD_CMD_TRIM:
		err = image_discard(i, off, len);
		break;
	default:
		err = 0;
	}
	if (!err && (r->command == NBD_CMD_FLUSH || (r->flags & NBD_CMD_FLAG_FUA && off + len == r->off + r->len)))
		err = image_flush(i);
	pthread_mutex_unlock(&c->server->lock);
	return err;
}

/* The data is read to its end even when it cannot be written: the next request follows it. */
static bool
take_write(struct nbd_client *c, const struct nbd_request *r, int err)
{
	uint64_t off = r->off;

	for (uint32_t left = r->len, n; left; left -= n, off += n) {
		n = (uint32_t)min_u64(left, NBD_PIECE);
		if (fd_read_all(c->fd, c->room, n) != (ssize_t)n)
			return false;
		if (!err)
			err = change(c, r, off, c->room, n);
	}
	return nbd_answer(c, r, err);
}

/* 0, or why not. */
static int
check(const struct nbd_client *c, const struct nbd_request *r)
{
	const struct image *i = c->server->image;
	bool changes = r->command == NBD_CMD_WRITE || r->command == NBD_CMD_WRITE_ZEROES || r->command == NBD_CMD_TRIM;
	unsigned known = NBD_CMD_FLAG_FUA; /* which QEMU sends with anything */

	if (r->command == NBD_CMD_WRITE_ZEROES)
		known |= NBD_CMD_FLAG_NO_HOLE;
	if (r->command == NBD_CMD_BLOCK_STATUS)
		known |= NBD_CMD_FLAG_REQ_ONE;
	if (r->flags & ~known)
		return -EINVAL;
	if (changes && i->read_only)
		return -EPERM;
	if (r->command != NBD_CMD_FLUSH && !range_within(r->off, r->len, i->size))
		return r->command == NBD_CMD_WRITE || r->command == NBD_CMD_WRITE_ZEROES ? -ENOSPC : -EINVAL;
	if (r->command == NBD_CMD_READ && (!r->len || r->len > NBD_PAYLOAD_MAX))
		return -EINVAL;
	return r->command == NBD_CMD_BLOCK_STATUS && !r->len ? -EINVAL : 0;
}

static bool
serve(struct nbd_client *c, const struct nbd_request *r)
{
	int err = check(c, r);

	switch (r->command) {
	case NBD_CMD_WRITE:
		return r->len <= NBD_PAYLOAD_MAX && take_write(c, r, err);
	case NBD_CMD_READ:
		return err ? nbd_answer(c, r, err) : nbd_read(c, r);
	case NBD_CMD_BLOCK_STATUS:
		return err ? nbd_answer(c, r, err) : nbd_block_status(c, r);
	case NBD_CMD_FLUSH:
	case NBD_CMD_TRIM:
	case NBD_CMD_WRITE_ZEROES:
		return nbd_answer(c, r, err ? err : change(c, r, r->off, NULL, r->len));
	case NBD_CMD_DISC:
		return false;
	default:
		return nbd_answer(c, r, -EINVAL);
	}
}

/* Until the client has ended it, or does not keep to the protocol. */
static void
transmit(struct nbd_client *c)
{
	uint8_t head[NBD_REQUEST_LEN];
	struct nbd_request r;

	while (fd_read_all(c->fd, head, sizeof(head)) == sizeof(head) && get_be32(head) == NBD_REQUEST_MAGIC) {
		r = (struct nbd_request){
			.flags = get_be16(head + 4),
			.command = get_be16(head + 6),
			.off = get_be64(head + 16),
			.len = get_be32(head + 24),
		};
		memcpy(r.cookie, head + 8, sizeof(r.cookie));
		if (!serve(c, &r))
			return;
	}
}

void
nbd_serve(struct nbd_server *s, int fd, bool *agreed)
{
	struct nbd_client c = {.server = s, .fd = fd, .unpacker = unpacker_new(), .room = malloc(NBD_HEAD_MAX + NBD_PIECE)};

	if (c.unpacker && c.room && nbd_negotiate(&c)) {
		pthread_mutex_lock(&s->lock);
		*agreed = true;
		pthread_mutex_unlock(&s->lock);
		transmit(&c);
	}
	unpacker_free(c.unpacker);
	free(c.room);
}

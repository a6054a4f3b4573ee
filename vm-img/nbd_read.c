/* SPDX-License-Identifier: ISC */
/* What an NBD server sends: data, and what of the disk is data. */
#include <errno.h>
#include <string.h>

#include "common/bytes.h"
#include "common/fd.h"
#include "common/image/unpack.h"
#include "vm-img/nbd_server.h"

#define EXTENTS_MAX 1024 /* in one answer to NBD_CMD_BLOCK_STATUS */
#define MAPS_MAX 8192	 /* looked at for one: neighbours of a kind are told as one */
#define CONTEXT 1	 /* our number for base:allocation */

/* The extent at off; its data (max bytes at most) too, where there is any. The image is no other thread's meanwhile. */
static int
look(struct nbd_client *c, uint64_t off, uint32_t len, struct extent *e, uint8_t *data, uint32_t max)
{
	struct nbd_server *s = c->server;
	bool shared = s->image->read_only;
	int err;

	pthread_mutex_lock(&s->lock);
	err = image_map_chain(s->image, off, len, e, NULL);
	if (shared)
		pthread_mutex_unlock(&s->lock);
	else
		unpacker_forget(c->unpacker);
	if (!err && data && e->len > max)
		e->len = max;
	if (!err && data && (e->kind == EXTENT_DATA || e->kind == EXTENT_PACKED))
		err = extent_load(e, 0, data, e->len, c->unpacker);
	if (!shared)
		pthread_mutex_unlock(&s->lock);
	return err;
}

static bool
is_zero(const struct extent *e)
{
	return e->kind == EXTENT_HOLE || e->kind == EXTENT_ZERO;
}

static uint8_t *
chunk(uint8_t *at, const struct nbd_request *r, unsigned type, bool last, uint32_t len)
{
	put_be32(at, NBD_CHUNK_MAGIC);
	put_be16(at + 4, last ? NBD_CHUNK_DONE : 0);
	put_be16(at + 6, (uint16_t)type);
	memcpy(at + 8, r->cookie, sizeof(r->cookie));
	put_be32(at + 16, len);
	return at + NBD_CHUNK_LEN;
}

/* Pieces as they come, holes as holes. */
static bool
read_chunks(struct nbd_client *c, const struct nbd_request *r)
{
	uint8_t *data = c->room + NBD_HEAD_MAX, *head;
	uint64_t off = r->off;
	uint32_t left = r->len;
	struct extent e;
	size_t n;

	for (; left; off += e.len, left -= (uint32_t)e.len) {
		int err = look(c, off, left, &e, data, NBD_PIECE);

		if (err)
			return nbd_answer(c, r, err);
		head = data - NBD_CHUNK_LEN - 8;
		n = NBD_CHUNK_LEN + 8;
		if (is_zero(&e)) {
			chunk(head, r, NBD_CHUNK_OFFSET_HOLE, e.len == left, 12);
			put_be32(head + n, (uint32_t)e.len);
			n += 4;
		} else {
			chunk(head, r, NBD_CHUNK_OFFSET_DATA, e.len == left, (uint32_t)(8 + e.len));
			n += e.len;
		}
		put_be64(head + NBD_CHUNK_LEN, off);
		if (fd_write_all(c->fd, head, n) < 0)
			return false;
	}
	return true;
}

/* The head says that all is well, so what cannot be read after the first piece ends the connection. */
static bool
read_simple(struct nbd_client *c, const struct nbd_request *r)
{
	uint8_t *data = c->room + NBD_HEAD_MAX, *head = data - NBD_SIMPLE_LEN;
	uint32_t left = r->len;
	struct extent e;

	put_be32(head, NBD_SIMPLE_MAGIC);
	put_be32(head + 4, 0);
	memcpy(head + 8, r->cookie, sizeof(r->cookie));
	for (uint64_t off = r->off; left; off += e.len, left -= (uint32_t)e.len) {
		int err = look(c, off, left, &e, data, NBD_PIECE);

		if (err)
			return left == r->len && nbd_answer(c, r, err);
		if (e.len > NBD_PIECE)
			e.len = NBD_PIECE;
		if (is_zero(&e))
			memset(data, 0, e.len);
		if (fd_write_all(c->fd, head, (size_t)(data - head) + e.len) < 0)
			return false;
		head = data;
	}
	return true;
}

bool
nbd_read(struct nbd_client *c, const struct nbd_request *r)
{
	return c->structured ? read_chunks(c, r) : read_simple(c, r);
}

bool
nbd_block_status(struct nbd_client *c, const struct nbd_request *r)
{
	uint8_t *head = c->room, *at = head + NBD_CHUNK_LEN + 4;
	unsigned max = r->flags & NBD_CMD_FLAG_REQ_ONE ? 1 : EXTENTS_MAX, n = 0, maps = 0;
	uint64_t off = r->off, end = off + r->len;
	struct extent e;

	if (!c->allocation)
		return nbd_answer(c, r, -EINVAL);
	while (off < end && maps++ < MAPS_MAX) {
		int err = look(c, off, (uint32_t)(end - off), &e, NULL, 0);
		uint32_t state = !is_zero(&e) ? 0 : NBD_STATE_ZERO | (e.allocated ? 0 : NBD_STATE_HOLE);

		if (err)
			return nbd_answer(c, r, err);
		if (n && get_be32(at - 4) == state) {
			put_be32(at - 8, get_be32(at - 8) + (uint32_t)e.len);
		} else if (n < max) {
			put_be32(at, (uint32_t)e.len);
			put_be32(at + 4, state);
			at += 8;
			n++;
		} else {
			break;
		}
		off += e.len;
	}
	chunk(head, r, NBD_CHUNK_BLOCK_STATUS, true, 4 + 8 * n);
	put_be32(head + NBD_CHUNK_LEN, CONTEXT);
	return fd_write_all(c->fd, head, (size_t)(at - head)) >= 0;
}

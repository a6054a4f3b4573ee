/* SPDX-License-Identifier: ISC */
/* The server's part of NBD's negotiation, fixed newstyle. */
#include <string.h>

#include "common/bytes.h"
#include "common/fd.h"
#include "vm-img/nbd_server.h"

#define OPTIONS_MAX 256	  /* of one client: more is not a conversation */
#define BLOCK_PREFERRED 4096
#define CONTEXT 1	  /* our number for base:allocation */

static const char context_name[] = "base:allocation";

/* An option, as the client sent it. */
struct option_in {
	uint32_t option, len;
	uint8_t data[NBD_OPTION_MAX];
};

static bool
reply(struct nbd_client *c, const struct option_in *o, uint32_t type, const void *data, uint32_t len)
{
	uint8_t *msg = c->room;

	put_be64(msg, NBD_REPLY_MAGIC);
	put_be32(msg + 8, o->option);
	put_be32(msg + 12, type);
	put_be32(msg + 16, len);
	memcpy(msg + NBD_OPTION_REPLY_LEN, data, len);
	return fd_write_all(c->fd, msg, NBD_OPTION_REPLY_LEN + len) >= 0;
}

static bool
reply_bare(struct nbd_client *c, const struct option_in *o, uint32_t type)
{
	return reply(c, o, type, "", 0);
}

static unsigned
transmission_flags(const struct nbd_server *s)
{
	/* Every client's flush is of the one image, so several connections see one disk. */
	unsigned flags = NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH | NBD_FLAG_SEND_FUA | NBD_FLAG_CAN_MULTI_CONN;

	return flags | (s->image->read_only ? NBD_FLAG_READ_ONLY : NBD_FLAG_SEND_TRIM | NBD_FLAG_SEND_WRITE_ZEROES);
}

static bool
is_export(const struct nbd_server *s, const uint8_t *name, uint32_t len)
{
	return len == strlen(s->export) && !memcmp(name, s->export, len);
}

/* The oldest way to choose an export: no answer but the export itself, and none at all for another name. */
static bool
export_name(struct nbd_client *c, const struct option_in *o)
{
	uint8_t msg[10 + 124] = {0};

	if (!is_export(c->server, o->data, o->len))
		return false;
	put_be64(msg, c->server->image->size);
	put_be16(msg + 8, (uint16_t)transmission_flags(c->server));
	return fd_write_all(c->fd, msg, c->no_zeroes ? 10 : sizeof(msg)) >= 0;
}

static bool
list(struct nbd_client *c, const struct option_in *o)
{
	uint8_t msg[4 + NBD_NAME_MAX];
	uint32_t len = (uint32_t)strlen(c->server->export);

	if (o->len)
		return reply_bare(c, o, NBD_REP_ERR_INVALID);
	put_be32(msg, len);
	memcpy(msg + 4, c->server->export, len);
	return reply(c, o, NBD_REP_SERVER, msg, 4 + len) && reply_bare(c, o, NBD_REP_ACK);
}

/* NBD_OPT_INFO and NBD_OPT_GO. What was asked for is told anyway. *chosen: the export is agreed. */
static bool
info(struct nbd_client *c, const struct option_in *o, bool *chosen)
{
	uint32_t len = o->len >= 6 ? get_be32(o->data) : 0;
	uint8_t export[12], blocks[14];

	if (o->len < 6 || len > o->len - 6 || o->len != 6 + len + 2U * get_be16(o->data + 4 + len))
		return reply_bare(c, o, NBD_REP_ERR_INVALID);
	if (!is_export(c->server, o->data + 4, len))
		return reply_bare(c, o, NBD_REP_ERR_UNKNOWN);
	put_be16(export, NBD_INFO_EXPORT);
	put_be64(export + 2, c->server->image->size);
	put_be16(export + 10, (uint16_t)transmission_flags(c->server));
	put_be16(blocks, NBD_INFO_BLOCK_SIZE);
	put_be32(blocks + 2, 1);
	put_be32(blocks + 6, BLOCK_PREFERRED);
	put_be32(blocks + 10, NBD_PAYLOAD_MAX);
	*chosen = o->option == NBD_OPT_GO;
	return reply(c, o, NBD_REP_INFO, export, sizeof(export)) && reply(c, o, NBD_REP_INFO, blocks, sizeof(blocks)) &&
	       reply_bare(c, o, NBD_REP_ACK);
}

/* Whether the queries, n of them in len bytes, ask for our one context; -1 where they are none. */
static int
asks_for_context(const uint8_t *p, uint32_t len, uint32_t n, bool listing)
{
	bool found = listing && !n;

	for (; n; n--) {
		uint32_t query = len >= 4 ? get_be32(p) : 0;

		if (len < 4 || query > len - 4)
			return -1;
		found |= query == sizeof(context_name) - 1 && !memcmp(p + 4, context_name, query);
		found |= listing && query == 5 && !memcmp(p + 4, context_name, query);
		p += 4 + query;
		len -= 4 + query;
	}
	return len ? -1 : found;
}

static bool
meta_context(struct nbd_client *c, const struct option_in *o)
{
	uint32_t len = o->len >= 8 ? get_be32(o->data) : 0;
	bool listing = o->option == NBD_OPT_LIST_META_CONTEXT;
	uint8_t msg[4 + sizeof(context_name)];
	int found;

	if (!listing)
		c->allocation = false;
	if (!c->structured || o->len < 8 || len > o->len - 8)
		return reply_bare(c, o, NBD_REP_ERR_INVALID);
	if (!is_export(c->server, o->data + 4, len))
		return reply_bare(c, o, NBD_REP_ERR_UNKNOWN);
	found = asks_for_context(o->data + 8 + len, o->len - 8 - len, get_be32(o->data + 4 + len), listing);
	if (found < 0)
		return reply_bare(c, o, NBD_REP_ERR_INVALID);
	if (!listing)
		c->allocation = found;
	put_be32(msg, listing ? 0 : CONTEXT);
	memcpy(msg + 4, context_name, sizeof(context_name) - 1);
	return (!found || reply(c, o, NBD_REP_META_CONTEXT, msg, sizeof(msg) - 1)) && reply_bare(c, o, NBD_REP_ACK);
}

/* Answers one option: false ends the connection. */
static bool
answer(struct nbd_client *c, const struct option_in *o, bool *chosen)
{
	switch (o->option) {
	case NBD_OPT_EXPORT_NAME:
		*chosen = export_name(c, o);
		return *chosen;
	case NBD_OPT_ABORT:
		reply_bare(c, o, NBD_REP_ACK);
		return false;
	case NBD_OPT_LIST:
		return list(c, o);
	case NBD_OPT_INFO:
	case NBD_OPT_GO:
		return info(c, o, chosen);
	case NBD_OPT_STRUCTURED_REPLY:
		c->structured |= !o->len;
		return reply_bare(c, o, o->len ? NBD_REP_ERR_INVALID : NBD_REP_ACK);
	case NBD_OPT_LIST_META_CONTEXT:
	case NBD_OPT_SET_META_CONTEXT:
		return meta_context(c, o);
	default:
		return reply_bare(c, o, NBD_REP_ERR_UNSUP);
	}
}

static bool
greet(struct nbd_client *c)
{
	uint8_t hello[NBD_HELLO_LEN], flags[4];

	put_be64(hello, NBD_MAGIC);
	put_be64(hello + 8, NBD_OPTION_MAGIC);
	put_be16(hello + 16, NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES);
	if (fd_write_all(c->fd, hello, sizeof(hello)) < 0 || fd_read_all(c->fd, flags, sizeof(flags)) != sizeof(flags))
		return false;
	c->no_zeroes = get_be32(flags) & NBD_NO_ZEROES;
	return !(get_be32(flags) & ~(uint32_t)(NBD_FIXED_NEWSTYLE | NBD_NO_ZEROES));
}

bool
nbd_negotiate(struct nbd_client *c)
{
	struct option_in o;
	uint8_t head[NBD_OPTION_LEN];
	bool chosen = false, going = greet(c);

	for (int n = 0; going && !chosen; n++) {
		if (n == OPTIONS_MAX || fd_read_all(c->fd, head, sizeof(head)) != sizeof(head))
			return false;
		o.option = get_be32(head + 8);
		o.len = get_be32(head + 12);
		if (get_be64(head) != NBD_OPTION_MAGIC || o.len > sizeof(o.data))
			return false;
		going = fd_read_all(c->fd, o.data, o.len) == (ssize_t)o.len && answer(c, &o, &chosen);
	}
	return going;
}

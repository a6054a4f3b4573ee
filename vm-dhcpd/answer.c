/* SPDX-License-Identifier: ISC */
/* DHCP messages put together; the contracts are in message.h. */
#include <string.h>

#include "vm-dhcpd/message.h"

#define BOOTREPLY 2
#define FIELD_YIADDR 16
#define FIELD_SIADDR 20
#define FIELD_SNAME 44
#define FIELD_FILE 108
#define FIELD_COOKIE 236
#define SNAME_SIZE 64
#define FILE_SIZE 128
#define BOOTP_SIZE 300 /* RFC 951: old relays and clients drop what is shorter */
#define CHUNK 255

void
answer_begin(struct answer *a, uint8_t *buf, size_t size, const struct message *to, enum message_type type)
{
	size_t agent = 0, tail;
	uint8_t kind = (uint8_t)type;

	*a = (struct answer){.buf = buf, .to = to};
	memset(buf, 0, MESSAGE_MIN);
	buf[0] = BOOTREPLY;
	buf[1] = to->htype;
	buf[2] = to->hlen;
	memcpy(buf + 4, to->xid, 4);
	memcpy(buf + 10, to->flags, 2);
	memcpy(buf + 24, &to->giaddr, 4);
	memcpy(buf + 28, to->chaddr, 16);
	memcpy(buf + FIELD_COOKIE, (const uint8_t[]){99, 130, 83, 99}, 4);
	/* Kept free for what answer_end adds: overload, the relay's own words, the end. */
	message_option(to, OPT_AGENT, 1, &agent);
	tail = 3 + (agent ? agent + 2 * ((agent + CHUNK - 1) / CHUNK) : 0) + 1;
	size = size > MESSAGE_MAX ? MESSAGE_MAX : size;
	a->options = (struct put){.buf = buf, .len = MESSAGE_MIN, .size = size < MESSAGE_MIN + tail + 16 ? MESSAGE_MIN + 16 : size - tail};
	a->file = (struct put){.buf = buf + FIELD_FILE, .size = FILE_SIZE - 1};
	a->sname = (struct put){.buf = buf + FIELD_SNAME, .size = SNAME_SIZE - 1};
	answer_option(a, OPT_TYPE, &kind, 1);
}

void
answer_yiaddr(struct answer *a, struct in_addr addr)
{
	memcpy(a->buf + FIELD_YIADDR, &addr, 4);
}

void
answer_siaddr(struct answer *a, struct in_addr addr)
{
	memcpy(a->buf + FIELD_SIADDR, &addr, 4);
}

bool
answer_boot(struct answer *a, const char *sname, const char *file)
{
	if (strlen(sname) >= SNAME_SIZE || strlen(file) >= FILE_SIZE || a->file.len || a->sname.len)
		return false;
	memcpy(a->file.buf, file, strlen(file));
	memcpy(a->sname.buf, sname, strlen(sname));
	a->file.size = a->sname.size = 0;
	return true;
}

/* Whole into one field, in pieces of at most 255 bytes. False when it does not fit. */
static bool
put_option(struct put *b, unsigned code, const uint8_t *bytes, size_t len)
{
	size_t pieces = len ? (len + CHUNK - 1) / CHUNK : 1;

	if (len + 2 * pieces > b->size - b->len)
		return false;
	for (size_t at = 0; pieces--; at += CHUNK) {
		size_t n = len - at < CHUNK ? len - at : CHUNK;

		put8(b, code);
		put8(b, (unsigned)n);
		put_bytes(b, bytes + at, n);
	}
	return true;
}

void
answer_option(struct answer *a, unsigned code, const void *bytes, size_t len)
{
	if (!put_option(&a->options, code, bytes, len) && !put_option(&a->file, code, bytes, len) &&
	    !put_option(&a->sname, code, bytes, len))
		a->full = true;
}

void
answer_option32(struct answer *a, unsigned code, uint32_t v)
{
	const uint8_t bytes[4] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	answer_option(a, code, bytes, sizeof(bytes));
}

void
answer_address(struct answer *a, unsigned code, struct in_addr addr)
{
	answer_option(a, code, &addr, 4);
}

/* A field that took options ends as the options field does, within the byte kept free for it. */
static unsigned
end_field(struct put *b, unsigned bit)
{
	if (!b->len)
		return 0;
	b->buf[b->len] = OPT_END;
	return bit;
}

size_t
answer_end(struct answer *a)
{
	unsigned overload = end_field(&a->file, 1) | end_field(&a->sname, 2);
	struct put *b = &a->options;
	size_t len;
	const uint8_t *agent = message_option(a->to, OPT_AGENT, 1, &len);

	b->size = MESSAGE_MAX - 1;
	if (overload)
		put_option(b, OPT_OVERLOAD, &(const uint8_t){(uint8_t)overload}, 1);
	/* Last, as it came (RFC 3046, 2.2). */
	if (agent)
		put_option(b, OPT_AGENT, agent, len);
	b->buf[b->len++] = OPT_END;
	if (b->len < BOOTP_SIZE) {
		memset(b->buf + b->len, 0, BOOTP_SIZE - b->len);
		b->len = BOOTP_SIZE;
	}
	return b->len;
}

/* SPDX-License-Identifier: ISC */
/* What a viewer says; the contract is in request.h. */
#include "vm-vnc/request.h"

#include "common/bytes.h"

enum { SET_PIXEL_FORMAT, SET_ENCODINGS = 2, UPDATE_REQUEST, KEY_EVENT, POINTER_EVENT, CLIENT_CUT_TEXT, XVP = 250, SET_DESKTOP_SIZE, QEMU = 255 };

static ptrdiff_t
parse_format(const uint8_t *b, struct request *r)
{
	r->kind = REQUEST_FORMAT;
	r->format = (struct pixel_format){
		.bits = b[4],
		.depth = b[5],
		.big_endian = b[6] != 0,
		.true_colour = b[7] != 0,
		.max = {get_be16(b + 8), get_be16(b + 10), get_be16(b + 12)},
		.shift = {b[14], b[15], b[16]},
	};
	return 20;
}

static ptrdiff_t
parse_encodings(const uint8_t *b, size_t len, struct request *r, const char **why)
{
	unsigned count = get_be16(b + 2);

	if (count > REQUEST_ENCODINGS_MAX) {
		*why = "more encodings than there are";
		return -1;
	}
	if (len < 4 + 4 * (size_t)count)
		return 0;
	r->kind = REQUEST_ENCODINGS;
	r->encodings.list = b + 4;
	r->encodings.count = count;
	return 4 + 4 * (ptrdiff_t)count;
}

static ptrdiff_t
parse_update(const uint8_t *b, struct request *r)
{
	r->kind = REQUEST_UPDATE;
	r->update.incremental = b[1] != 0;
	r->update.x = get_be16(b + 2);
	r->update.y = get_be16(b + 4);
	r->update.width = get_be16(b + 6);
	r->update.height = get_be16(b + 8);
	return 10;
}

static ptrdiff_t
parse_key(const uint8_t *b, struct request *r)
{
	r->kind = REQUEST_KEY;
	r->key.down = b[1] != 0;
	r->key.sym = get_be32(b + 4);
	r->key.code = 0;
	return 8;
}

static ptrdiff_t
parse_pointer(const uint8_t *b, struct request *r)
{
	r->kind = REQUEST_POINTER;
	r->pointer.buttons = b[1];
	r->pointer.x = get_be16(b + 2);
	r->pointer.y = get_be16(b + 4);
	return 6;
}

/* A length below zero is that of the extended clipboard. */
static ptrdiff_t
parse_text(struct requests *s, const uint8_t *b, size_t len, struct request *r)
{
	int32_t said = (int32_t)get_be32(b + 4);
	uint32_t bytes = said < 0 ? 0u - (uint32_t)said : (uint32_t)said;

	if (bytes > REQUEST_TEXT_MAX) {
		s->skip = bytes;
		return 8;
	}
	if (len < 8 + (size_t)bytes)
		return 0;
	r->kind = REQUEST_TEXT;
	r->text.bytes = b + 8;
	r->text.len = bytes;
	r->text.extended = said < 0;
	return 8 + (ptrdiff_t)bytes;
}

/* Of the screens that follow, 16 bytes each, one is all that we have. */
static ptrdiff_t
parse_resize(const uint8_t *b, size_t len, struct request *r)
{
	size_t bytes = 8 + (size_t)b[6] * 16;

	if (len < bytes)
		return 0;
	r->kind = REQUEST_RESIZE;
	r->resize.width = get_be16(b + 2);
	r->resize.height = get_be16(b + 4);
	return (ptrdiff_t)bytes;
}

/* Sub-message 0: a key, its symbol and its scan code. Others, of sound, nobody was told that we knew. */
static ptrdiff_t
parse_qemu(const uint8_t *b, struct request *r, const char **why)
{
	if (b[1]) {
		*why = "a message of QEMU's that was not offered";
		return -1;
	}
	r->kind = REQUEST_KEY;
	r->key.down = get_be16(b + 2) != 0;
	r->key.sym = get_be32(b + 4);
	r->key.code = get_be32(b + 8);
	return 12;
}

/* Bytes before what counts in it say are there. */
static size_t
least_length(uint8_t type)
{
	switch (type) {
	case SET_PIXEL_FORMAT:
		return 20;
	case UPDATE_REQUEST:
		return 10;
	case KEY_EVENT:
	case CLIENT_CUT_TEXT:
	case SET_DESKTOP_SIZE:
		return 8;
	case POINTER_EVENT:
		return 6;
	case SET_ENCODINGS:
	case XVP:
		return 4;
	case QEMU:
		return 12;
	}
	return 0;
}

ptrdiff_t
request_parse(struct requests *s, const uint8_t *b, size_t len, struct request *r, const char **why)
{
	size_t least;

	r->kind = REQUEST_NONE;
	if (s->skip && len) {
		size_t n = (size_t)min_u64(len, s->skip);

		s->skip -= n;
		return (ptrdiff_t)n;
	}
	least = len ? least_length(b[0]) : 1;
	if (!least) {
		*why = "a message of an unknown kind";
		return -1;
	}
	if (len < least)
		return 0;
	switch (b[0]) {
	case SET_PIXEL_FORMAT:
		return parse_format(b, r);
	case SET_ENCODINGS:
		return parse_encodings(b, len, r, why);
	case UPDATE_REQUEST:
		return parse_update(b, r);
	case KEY_EVENT:
		return parse_key(b, r);
	case POINTER_EVENT:
		return parse_pointer(b, r);
	case CLIENT_CUT_TEXT:
		return parse_text(s, b, len, r);
	case SET_DESKTOP_SIZE:
		return parse_resize(b, len, r);
	case QEMU:
		return parse_qemu(b, r, why);
	}
	return 4; /* xvp: nobody here can press the machine's buttons */
}

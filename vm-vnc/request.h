/* SPDX-License-Identifier: ISC */
/* What a viewer says, RFC 6143 7.5 and the community's rfbproto: taken apart, within bounds, and not yet believed. */
#ifndef VM_VNC_REQUEST_H
#define VM_VNC_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm-vnc/encoder.h"

#define REQUEST_TEXT_MAX (1u << 20) /* of a clipboard; what is longer is skipped */
#define REQUEST_MAX (REQUEST_TEXT_MAX + 64)
#define REQUEST_ENCODINGS_MAX 1024

enum request_kind {
	REQUEST_NONE, /* understood, and nothing to be done */
	REQUEST_FORMAT,
	REQUEST_ENCODINGS,
	REQUEST_UPDATE,
	REQUEST_KEY,
	REQUEST_POINTER,
	REQUEST_TEXT,
	REQUEST_RESIZE,
};

struct request {
	enum request_kind kind;
	union {
		struct pixel_format format;
		struct {
			const uint8_t *list; /* big endian, 32 bits each */
			unsigned count;
		} encodings;
		struct {
			bool incremental;
			uint16_t x, y, width, height;
		} update;
		struct {
			bool down;
			uint32_t sym;
			uint32_t code; /* 0: none was said (QEMU's extended event has one) */
		} key;
		struct {
			uint8_t buttons;
			uint16_t x, y;
		} pointer;
		struct {
			const uint8_t *bytes;
			uint32_t len;
			bool extended; /* the extended clipboard's: flags first */
		} text;
		struct {
			uint16_t width, height;
		} resize;
	};
};

struct requests {
	uint64_t skip; /* bytes to come that are nobody's */
};

/*
 * One message out of len bytes: how many of them it is made of, 0 when more must come first (never of REQUEST_MAX bytes), -1
 * of what is none, with *why. Pointers in *r lead into bytes.
 */
ptrdiff_t request_parse(struct requests *s, const uint8_t *bytes, size_t len, struct request *r, const char **why);

#endif

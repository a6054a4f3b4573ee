/* SPDX-License-Identifier: ISC */
/* WebSocket frames; the contracts are in ws_frame.h. */
#include <string.h>

#include "common/bytes.h"
#include "vm-vnc/ws_frame.h"

#define FIN 0x80
#define RESERVED 0x70
#define OPCODE 0x0f
#define MASKED 0x80
#define LENGTH 0x7f
#define LENGTH_16 126
#define LENGTH_64 127
#define CONTROL 8 /* this bit of an opcode: such frames are whole, short, and may come between the frames of a message */

static enum ws_opcode
opcode(const struct ws_in *w)
{
	return w->head[0] & OPCODE;
}

/* Of the head, as far as its first two bytes tell. */
static size_t
head_length(const struct ws_in *w)
{
	size_t mask = sizeof(w->mask);

	switch (w->head[1] & LENGTH) {
	case LENGTH_16:
		return 2 + 2 + mask;
	case LENGTH_64:
		return 2 + 8 + mask;
	default:
		return 2 + mask;
	}
}

/* What may come, and when (RFC 6455, 5.2 and 5.4). 0, or why not. */
static unsigned
fault_of_kind(const struct ws_in *w)
{
	bool fin = w->head[0] & FIN;

	if (w->head[0] & RESERVED || !(w->head[1] & MASKED))
		return WS_PROTOCOL;
	switch (opcode(w)) {
	case WS_MORE:
		return w->message ? 0 : WS_PROTOCOL;
	case WS_TEXT:
		return WS_KIND;
	case WS_BINARY:
		return w->message ? WS_PROTOCOL : 0;
	case WS_CLOSE:
	case WS_PING:
	case WS_PONG:
		return fin && (w->head[1] & LENGTH) <= WS_CONTROL_MAX ? 0 : WS_PROTOCOL;
	default:
		return WS_PROTOCOL;
	}
}

/* Of the shortest form, as 5.2 demands. */
static unsigned
fault_of_length(struct ws_in *w)
{
	uint64_t least = 0;

	switch (w->head[1] & LENGTH) {
	case LENGTH_16:
		w->left = get_be16(w->head + 2);
		least = LENGTH_16;
		break;
	case LENGTH_64:
		w->left = get_be64(w->head + 2);
		least = UINT16_MAX + 1;
		break;
	default:
		w->left = w->head[1] & LENGTH;
	}
	if (w->left < least)
		return WS_PROTOCOL;
	return w->left > WS_FRAME_MAX ? WS_TOO_BIG : 0;
}

/* One byte of a head. */
static void
take_head(struct ws_in *w, uint8_t byte)
{
	w->head[w->have++] = byte;
	if (w->have == 2)
		w->closed = fault_of_kind(w);
	if (w->have < 2 || w->closed || w->have < head_length(w))
		return;
	w->closed = fault_of_length(w);
	if (w->closed)
		return;
	memcpy(w->mask, w->head + w->have - sizeof(w->mask), sizeof(w->mask));
	w->at = 0;
	w->payload = true;
	if (opcode(w) & CONTROL)
		w->ncontrol = 0;
	else
		w->message = !(w->head[0] & FIN);
}

static void
end_frame(struct ws_in *w)
{
	if (opcode(w) == WS_PING)
		w->pinged = true;
	if (opcode(w) == WS_CLOSE)
		w->closed = WS_NORMAL;
	w->payload = false;
	w->have = 0;
}

/* Payload, as much of it as there is: into the control buffer, or to `to`, which is at or before `from`. The bytes used. */
static size_t
take_payload(struct ws_in *w, uint8_t *to, const uint8_t *from, size_t n)
{
	bool control = opcode(w) & CONTROL;

	n = (size_t)min_u64(n, w->left);
	for (size_t i = 0; i < n; i++) {
		uint8_t byte = from[i] ^ w->mask[w->at++ % sizeof(w->mask)];

		if (control)
			w->control[w->ncontrol++] = byte;
		else
			to[i] = byte;
	}
	w->left -= n;
	return n;
}

size_t
ws_take(struct ws_in *w, uint8_t *buf, size_t n)
{
	size_t data = 0;

	for (size_t i = 0; i < n && !w->closed;) {
		size_t used = 1;

		if (!w->payload) {
			take_head(w, buf[i]);
		} else {
			used = take_payload(w, buf + data, buf + i, n - i);
			if (!(opcode(w) & CONTROL))
				data += used;
		}
		i += used;
		if (w->payload && !w->left)
			end_frame(w);
	}
	return data;
}

size_t
ws_head(uint8_t head[WS_OWN_HEAD_MAX], enum ws_opcode op, size_t len)
{
	head[0] = (uint8_t)(FIN | op);
	if (len < LENGTH_16) {
		head[1] = (uint8_t)len;
		return 2;
	}
	head[1] = LENGTH_16;
	put_be16(head + 2, (uint16_t)len);
	return 4;
}

/* SPDX-License-Identifier: ISC */
/* WebSocket frames (RFC 6455, 5): a browser's are taken apart as their bytes come, however they are cut; ours are headed. */
#ifndef VM_VNC_WS_FRAME_H
#define VM_VNC_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_HEAD_MAX 14		  /* of a browser's frame; its mask included */
#define WS_OWN_HEAD_MAX 4	  /* of ours, which hold less than 64 KiB */
#define WS_CONTROL_MAX 125	  /* bytes that a ping may hold */
#define WS_FRAME_MAX (16U << 20) /* bytes of one frame: no message of RFB comes near it */

enum ws_opcode {
	WS_MORE = 0,
	WS_TEXT = 1,
	WS_BINARY = 2,
	WS_CLOSE = 8,
	WS_PING = 9,
	WS_PONG = 10,
};

/* Why a connection is closed (RFC 6455, 7.4.1). */
enum ws_status {
	WS_NORMAL = 1000,
	WS_PROTOCOL = 1002,
	WS_KIND = 1003,
	WS_TOO_BIG = 1009,
};

struct ws_in {
	uint8_t head[WS_HEAD_MAX];
	size_t have;	 /* bytes of head that are there */
	bool payload;	 /* head is whole */
	uint64_t left;	 /* bytes of payload that are to come */
	uint8_t mask[4];
	unsigned at;	 /* in mask */
	bool message;	 /* more frames of a message are to come */
	uint8_t control[WS_CONTROL_MAX];
	size_t ncontrol;
	bool pinged;	 /* of the last ping: `control` is to be sent back; the taker clears it */
	unsigned closed; /* enum ws_status: nothing is read after it; 0: open */
};

/*
 * Takes n bytes and leaves what of them is data of messages at the start of the same buffer; its length. Never more than n,
 * so that whoever reads no more than he needs gets no more than that.
 */
size_t ws_take(struct ws_in *w, uint8_t *buf, size_t n);

/* Writes the head of a frame of len bytes, less than 64 KiB, that is a message of its own. Its length: 2 or 4. */
size_t ws_head(uint8_t head[WS_OWN_HEAD_MAX], enum ws_opcode opcode, size_t len);

#endif

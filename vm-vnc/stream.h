/* SPDX-License-Identifier: ISC */
/*
 * The bytes that a viewer means, whatever they are wrapped in: nothing, TLS, WebSocket frames, or these in TLS. Nothing is
 * ever read that was not asked for, so that the socket may be left to somebody else at any point.
 */
#ifndef VM_VNC_STREAM_H
#define VM_VNC_STREAM_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vm-vnc/http_request.h"
#include "vm-vnc/ws_frame.h"

struct stream {
	int fd;
	gnutls_session_t tls; /* NULL: none */
	bool web;	      /* WebSocket */
	struct ws_in ws;
	char ahead[HTTP_HEAD_MAX]; /* read, but for somebody else: what follows a head of HTTP */
	size_t ahead_at, ahead_len;
};

/* Below WebSocket. The count; 0 for an error; -1 when nothing can be done now (the socket does not block). */
ssize_t stream_raw_send(struct stream *s, const void *buf, size_t len); /* after -1: again with the same */

/* What was meant. The count; 0 at the end, or for an error; -1 when there is nothing but what WebSocket says for itself. */
ssize_t stream_recv(struct stream *s, void *buf, size_t len);

/* Reads more into `ahead`, behind what is there. As stream_recv; 0, too, when it is full. */
ssize_t stream_fill(struct stream *s);

/* Whether something is there to be received that poll(2) does not know of. */
bool stream_pending(const struct stream *s);

/* While the socket blocks: all of it, or false. Reading answers pings. */
bool stream_raw_send_all(struct stream *s, const void *buf, size_t len);
bool stream_read(struct stream *s, void *buf, size_t len);
bool stream_write(struct stream *s, const void *buf, size_t len);

/* What WebSocket is to say before the next frame: the answer to a ping, or goodbye. Its length: 0, nothing. */
#define STREAM_WORD_MAX (WS_OWN_HEAD_MAX + WS_CONTROL_MAX)
size_t stream_word(struct stream *s, uint8_t word[STREAM_WORD_MAX]);

/* Says goodbye in the way of what it is wrapped in, as far as that can be done at once. */
void stream_end(struct stream *s);

#endif

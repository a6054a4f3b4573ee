/* SPDX-License-Identifier: ISC */
/* The bytes that a viewer means; the contracts are in stream.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "vm-vnc/stream.h"

#define SEND_MAX 32768 /* bytes of one frame of ours while the socket blocks */

/* What GnuTLS returns, as recv(2) and send(2) would. */
static ssize_t
tls_result(ssize_t n)
{
	if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED)
		return -1;
	return n < 0 ? 0 : n;
}

static ssize_t
socket_result(ssize_t n)
{
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -1;
	return n < 0 ? 0 : n;
}

/* From below everything. */
static ssize_t
receive(struct stream *s, void *buf, size_t len)
{
	if (s->tls)
		return tls_result(gnutls_record_recv(s->tls, buf, len));
	return socket_result(recv(s->fd, buf, len, 0));
}

ssize_t
stream_fill(struct stream *s)
{
	ssize_t n;

	memmove(s->ahead, s->ahead + s->ahead_at, s->ahead_len);
	s->ahead_at = 0;
	if (s->ahead_len == sizeof(s->ahead))
		return 0;
	n = receive(s, s->ahead + s->ahead_len, sizeof(s->ahead) - s->ahead_len);
	if (n > 0)
		s->ahead_len += (size_t)n;
	return n;
}

/* Below WebSocket. */
static ssize_t
raw_recv(struct stream *s, void *buf, size_t len)
{
	size_t n = (size_t)min_u64(len, s->ahead_len);

	if (!n)
		return receive(s, buf, len);
	memcpy(buf, s->ahead + s->ahead_at, n);
	s->ahead_at += n;
	s->ahead_len -= n;
	return (ssize_t)n;
}

ssize_t
stream_raw_send(struct stream *s, const void *buf, size_t len)
{
	if (s->tls)
		return tls_result(gnutls_record_send(s->tls, buf, len));
	return socket_result(send(s->fd, buf, len, MSG_NOSIGNAL));
}

ssize_t
stream_recv(struct stream *s, void *buf, size_t len)
{
	ssize_t n;

	if (!s->web)
		return raw_recv(s, buf, len);
	if (s->ws.closed)
		return 0;
	n = raw_recv(s, buf, len);
	if (n <= 0)
		return n;
	n = (ssize_t)ws_take(&s->ws, buf, (size_t)n);
	/* What came before a goodbye, or a fault, is still good. */
	return n || s->ws.closed ? n : -1;
}

bool
stream_pending(const struct stream *s)
{
	return s->ahead_len || s->ws.closed || (s->tls && gnutls_record_check_pending(s->tls));
}

size_t
stream_word(struct stream *s, uint8_t word[STREAM_WORD_MAX])
{
	size_t n;

	if (s->ws.closed) {
		n = ws_head(word, WS_CLOSE, 2);
		put_be16(word + n, (uint16_t)s->ws.closed);
		return n + 2;
	}
	if (!s->ws.pinged)
		return 0;
	s->ws.pinged = false;
	n = ws_head(word, WS_PONG, s->ws.ncontrol);
	memcpy(word + n, s->ws.control, s->ws.ncontrol);
	return n + s->ws.ncontrol;
}

bool
stream_raw_send_all(struct stream *s, const void *buf, size_t len)
{
	const char *p = buf;

	while (len) {
		ssize_t n = stream_raw_send(s, p, len);

		if (n == 0)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
	return true;
}

bool
stream_read(struct stream *s, void *buf, size_t len)
{
	uint8_t word[STREAM_WORD_MAX];
	char *p = buf;

	while (len) {
		ssize_t n = stream_recv(s, p, len);

		if (n == 0)
			return false;
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		} else if (s->ws.pinged && !stream_raw_send_all(s, word, stream_word(s, word))) {
			return false;
		}
	}
	return true;
}

bool
stream_write(struct stream *s, const void *buf, size_t len)
{
	uint8_t head[WS_OWN_HEAD_MAX];
	const char *p = buf;

	if (!s->web)
		return stream_raw_send_all(s, buf, len);
	while (len) {
		size_t n = (size_t)min_u64(len, SEND_MAX);

		if (!stream_raw_send_all(s, head, ws_head(head, WS_BINARY, n)) || !stream_raw_send_all(s, p, n))
			return false;
		p += n;
		len -= n;
	}
	return true;
}

void
stream_end(struct stream *s)
{
	uint8_t word[STREAM_WORD_MAX];
	size_t n;

	if (s->web) {
		if (!s->ws.closed)
			s->ws.closed = WS_NORMAL;
		n = stream_word(s, word);
		stream_raw_send(s, word, n);
	}
	if (s->tls)
		gnutls_bye(s->tls, GNUTLS_SHUT_WR);
	shutdown(s->fd, SHUT_WR);
}

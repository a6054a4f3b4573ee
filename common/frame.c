/* SPDX-License-Identifier: ISC */
/* Framing of Ethernet frames on a stream; the contracts are in frame.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/frame.h"
#include "common/offload.h"

/* Moves the bytes at start..end to the front, which costs little: it is part of one frame, unless the owner is slow. */
static void
compact(uint8_t *buf, size_t *start, size_t *end)
{
	if (*start) {
		memmove(buf, buf + *start, *end - *start);
		*end -= *start;
		*start = 0;
	}
}

ssize_t
frame_fill(struct frame_reader *r, int fd)
{
	ssize_t n;

	compact(r->buf, &r->start, &r->end);
	if (r->end == r->cap) {
		errno = ENOBUFS;
		return -1;
	}
	do
		n = recv(fd, r->buf + r->end, r->cap - r->end, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		r->end += (size_t)n;
	return n;
}

int
frame_next(struct frame_reader *r, const uint8_t **frame, size_t *len)
{
	size_t have = r->end - r->start, head = r->vde ? FRAME_HEAD_VDE : FRAME_HEAD;
	size_t header = r->headed ? OFFLOAD_HEADER : 0;
	uint32_t size = 0;
	bool note;

	if (have < head)
		return 0;
	memcpy((uint8_t *)&size + FRAME_HEAD - head, r->buf + r->start, head);
	size = be32toh(size);
	note = r->notes && size == FRAME_NOTE;
	if (!note && (size < header + FRAME_MIN || size > header + FRAME_MAX))
		return -1;
	if (have - head < size)
		return 0;
	*frame = r->buf + r->start + head;
	*len = size;
	r->start += head + size;
	r->headed |= note;
	return note ? FRAME_IS_NOTE : 1;
}

bool
frame_putv(struct frame_writer *w, const struct iovec *iov, size_t n)
{
	uint32_t size;
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (w->cap - w->end < FRAME_HEAD + len)
		compact(w->buf, &w->start, &w->end);
	if (w->cap - w->end < FRAME_HEAD + len)
		return false;
	size = htobe32((uint32_t)len);
	memcpy(w->buf + w->end, &size, FRAME_HEAD);
	w->end += FRAME_HEAD;
	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len)
			memcpy(w->buf + w->end, iov[i].iov_base, iov[i].iov_len);
		w->end += iov[i].iov_len;
	}
	return true;
}

bool
frame_put(struct frame_writer *w, const void *frame, size_t len)
{
	return frame_putv(w, &(struct iovec){(void *)(uintptr_t)frame, len}, 1);
}

bool
frame_flush(struct frame_writer *w, int fd)
{
	ssize_t n;

	if (w->start == w->end)
		return true;
	do
		n = send(fd, w->buf + w->start, w->end - w->start, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return false;
	w->start += (size_t)n;
	if (w->start < w->end) {
		errno = EAGAIN;
		return false;
	}
	w->start = w->end = 0;
	return true;
}

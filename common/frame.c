/* SPDX-License-Identifier: ISC */
/* Framing of Ethernet frames on a stream; the contracts are in frame.h. */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/frame.h"

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
	uint32_t size = 0;

	if (have < head)
		return 0;
	memcpy((uint8_t *)&size + FRAME_HEAD - head, r->buf + r->start, head);
	size = be32toh(size);
	if (size < FRAME_MIN || size > FRAME_MAX)
		return -1;
	if (have - head < size)
		return 0;
	*frame = r->buf + r->start + head;
	*len = size;
	r->start += head + size;
	return 1;
}

bool
frame_put(struct frame_writer *w, const void *frame, size_t len)
{
	uint32_t size = htobe32((uint32_t)len);

	if (w->cap - w->end < FRAME_HEAD + len)
		compact(w->buf, &w->start, &w->end);
	if (w->cap - w->end < FRAME_HEAD + len)
		return false;
	memcpy(w->buf + w->end, &size, FRAME_HEAD);
	memcpy(w->buf + w->end + FRAME_HEAD, frame, len);
	w->end += FRAME_HEAD + len;
	return true;
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

/* SPDX-License-Identifier: ISC */
/*
 * Ethernet frames over a stream: each a 4-byte big-endian length and the frame (QEMU's -netdev stream, passt). A reader
 * keeps one buffer, so that one read(2) brings many frames; a writer batches many frames into one write(2).
 *
 * Large frames (vm-wires(7), xgso): a length of FRAME_NOTE is no frame but a note, a big-endian word of OFFLOAD_* bits that
 * its sender takes. After its first note all frames of the sender's are behind a header (offload.h), which the length counts.
 */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define FRAME_MIN 14	/* an Ethernet header */
#define FRAME_MAX 65550 /* header and the largest IP packet; QEMU closes above 4096+65536 */
#define FRAME_HEAD 4	/* the length before each frame */
#define FRAME_HEAD_VDE 2 /* and as vde_plug writes it: the same without the upper half */
#define FRAME_NOTE 4
#define FRAME_IS_NOTE 2

struct frame_reader {
	uint8_t *buf;	   /* owned by the caller, cap bytes */
	size_t cap;	   /* at least FRAME_MAX + FRAME_HEAD, with notes OFFLOAD_HEADER more */
	size_t start, end; /* unread bytes */
	bool vde;	   /* lengths are FRAME_HEAD_VDE long */
	bool notes;	   /* the peer may send notes */
	bool headed;	   /* and has: its frames are behind headers */
};

/* Reads once from the socket fd. Never waits, whatever the flags of the descriptor say: others may share them. Returns bytes
 * read, 0 at EOF, -1 with errno (EAGAIN included; ENOBUFS when the buffer is full of frames that frame_next was not asked
 * for). */
ssize_t frame_fill(struct frame_reader *r, int fd);

/*
 * Next whole frame in the buffer: 1 and the frame (valid until the next frame_fill; behind its header when r->headed),
 * FRAME_IS_NOTE and the FRAME_NOTE bytes of a note, 0 when more bytes are needed, -1 when the peer broke the framing (a length
 * under FRAME_MIN or over FRAME_MAX): close it.
 */
int frame_next(struct frame_reader *r, const uint8_t **frame, size_t *len);

struct frame_writer {
	uint8_t *buf; /* owned by the caller, cap bytes */
	size_t cap;
	size_t start, end; /* bytes not written yet */
};

/* Appends a copy of a frame of FRAME_MIN..FRAME_MAX bytes. False, and nothing appended, when there is no room for it. */
bool frame_put(struct frame_writer *w, const void *frame, size_t len);

/* The same of what lies in n pieces: a frame, a header and a frame, or a note. */
bool frame_putv(struct frame_writer *w, const struct iovec *iov, size_t n);

/* Writes once what was put to the socket fd, without waiting. True when nothing is left; false with errno, EAGAIN included:
 * try again when fd is writable. A frame half written is never given up. */
bool frame_flush(struct frame_writer *w, int fd);

#endif

/* SPDX-License-Identifier: ISC */
/* Any bytes as a stream of frames, cut at any places: every frame lies in the buffer and keeps the limits. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/frame.h"
#include "common/offload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says how much a read brings, as from a slow peer. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t buf[FRAME_MAX + FRAME_HEAD + OFFLOAD_HEADER], out[2 * (FRAME_MAX + FRAME_HEAD)];
	struct frame_reader r = {.buf = buf, .cap = sizeof(buf)};
	struct frame_writer w = {.buf = out, .cap = sizeof(out)};
	static int sv[2];
	const uint8_t *frame;
	size_t len, step, taken = 0;
	int got = 0;

	if (!size || (!sv[1] && socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0))
		return 0;
	step = (size_t)data[0] * 16 + 1;
	r.notes = data[0] & 1;
	data++;
	size--;
	for (size_t at = 0; at < size && got >= 0; at += step) {
		size_t n = size - at < step ? size - at : step;

		if (write(sv[0], data + at, n) != (ssize_t)n || frame_fill(&r, sv[1]) != (ssize_t)n)
			abort();
		while ((got = frame_next(&r, &frame, &len)) > 0) {
			size_t header = r.headed && got != FRAME_IS_NOTE ? OFFLOAD_HEADER : 0;

			if (got == FRAME_IS_NOTE ? len != FRAME_NOTE || !r.notes : len < header + FRAME_MIN || len > header + FRAME_MAX)
				abort();
			if (frame < buf || frame + len > buf + sizeof(buf))
				abort();
			if (memcmp(frame, data + taken + FRAME_HEAD, len))
				abort();
			taken += len + FRAME_HEAD;
			if (!frame_put(&w, frame, len))
				w.start = w.end = 0;
			else if (memcmp(w.buf + w.end - len - FRAME_HEAD, data + taken - len - FRAME_HEAD, len + FRAME_HEAD))
				abort();
		}
	}
	return 0;
}

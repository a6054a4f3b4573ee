/* SPDX-License-Identifier: ISC */
/* Frames on a stream: cut anywhere, put together again; what is no frame is refused. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/frame.h"
#include "tests/unit/tap.h"

#define CAP (FRAME_MAX + FRAME_HEAD)

static uint8_t in_buf[CAP], out_buf[CAP], frame[FRAME_MAX];

static void
test_cut_anywhere(void)
{
	struct frame_reader r = {.buf = in_buf, .cap = sizeof(in_buf)};
	const uint8_t *got;
	int sv[2], frames = 0;
	uint8_t stream[4 + 14 + 4 + 60];
	size_t len, lens[2];
	bool whole = true;

	memset(stream, 7, sizeof(stream));
	memcpy(stream, "\0\0\0\x0e", 4);
	memcpy(stream + 18, "\0\0\0\x3c", 4);
	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	for (size_t i = 0; i < sizeof(stream); i++) {
		whole &= write(sv[1], stream + i, 1) == 1 && frame_fill(&r, sv[0]) == 1;
		while (frame_next(&r, &got, &len) == 1)
			lens[frames++ % 2] = len;
	}
	ok(whole && frames == 2 && lens[0] == 14 && lens[1] == 60, "a byte at a time gives both frames");
	ok(write(sv[1], stream, sizeof(stream)) == sizeof(stream) && frame_fill(&r, sv[0]) == sizeof(stream),
	    "both at once are one read");
	ok(frame_next(&r, &got, &len) == 1 && len == 14 && got[0] == 7, "the first");
	ok(frame_next(&r, &got, &len) == 1 && len == 60, "the second");
	ok(frame_next(&r, &got, &len) == 0, "no third");
	close(sv[1]);
	ok(frame_fill(&r, sv[0]) == 0, "EOF");
	close(sv[0]);
}

static void
test_lengths(void)
{
	static const struct {
		uint32_t len;
		int want;
	} cases[] = {{0, -1}, {13, -1}, {14, 0}, {FRAME_MAX, 0}, {FRAME_MAX + 1, -1}, {UINT32_MAX, -1}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct frame_reader r = {.buf = in_buf, .cap = sizeof(in_buf), .end = 4};
		const uint8_t *got;
		size_t len;

		for (int b = 0; b < 4; b++)
			in_buf[b] = (uint8_t)(cases[i].len >> (24 - 8 * b));
		ok(frame_next(&r, &got, &len) == cases[i].want, "length %u gives %d", cases[i].len, cases[i].want);
	}
}

static void
test_notes(void)
{
	static const uint8_t stream[] = {0, 0, 0, 4, 1, 2, 3, 4, 0, 0, 0, 25};
	struct frame_reader r = {.buf = in_buf, .cap = sizeof(in_buf), .end = sizeof(stream)};
	const uint8_t *got;
	size_t len;

	memcpy(in_buf, stream, sizeof(stream));
	ok(frame_next(&r, &got, &len) == -1, "a note is no frame to who knows no notes");
	r.notes = true;
	ok(frame_next(&r, &got, &len) == FRAME_IS_NOTE && got[0] == 1 && got[3] == 4 && r.headed, "to others it is one");
	ok(frame_next(&r, &got, &len) == -1, "then a frame is as long as a header and a frame");
	in_buf[11] = 26;
	ok(frame_next(&r, &got, &len) == 0, "at least");
	in_buf[9] = 1;
	in_buf[10] = 0;
	in_buf[11] = 26;
	ok(frame_next(&r, &got, &len) == 0, "and at most");
	in_buf[11]++;
	ok(frame_next(&r, &got, &len) == -1, "no byte more");
}

static void
test_full(void)
{
	struct frame_reader r = {.buf = in_buf, .cap = sizeof(in_buf), .end = sizeof(in_buf)};

	ok(frame_fill(&r, 0) == -1 && errno == ENOBUFS, "a full buffer is not EOF");
}

static void
test_writer(void)
{
	struct frame_writer w = {.buf = out_buf, .cap = sizeof(out_buf)};
	struct frame_reader r = {.buf = in_buf, .cap = sizeof(in_buf)};
	const uint8_t *got = NULL;
	size_t len = 0, count = 0, size = 4096;
	int sv[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	setsockopt(sv[1], SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int));
	fd_set_nonblock(sv[1], true);
	fd_set_nonblock(sv[0], true);
	ok(frame_flush(&w, sv[1]), "nothing to write is done");
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 31);
	ok(frame_put(&w, frame, FRAME_MAX) && !frame_put(&w, frame, FRAME_MIN), "the largest frame fills the buffer");
	ok(!frame_flush(&w, sv[1]) && errno == EAGAIN, "a small socket takes a part");
	while (frame_next(&r, &got, &len) == 0) {
		frame_fill(&r, sv[0]);
		frame_flush(&w, sv[1]);
	}
	ok(len == FRAME_MAX && !memcmp(got, frame, len), "and the rest later: the frame arrives whole");
	while (count < 1000 && frame_put(&w, frame, size))
		count++;
	ok(count == CAP / (size + FRAME_HEAD), "as many as fit");
	close(sv[0]);
	ok(!frame_flush(&w, sv[1]) && errno != EAGAIN, "a reader that is gone is an error");
	close(sv[1]);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_cut_anywhere();
	test_lengths();
	test_notes();
	test_full();
	test_writer();
	return tap_done();
}

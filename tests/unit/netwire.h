/* SPDX-License-Identifier: ISC */
/* A network device on one end of a socket pair, and its peer on the other. */
#ifndef TESTS_UNIT_NETWIRE_H
#define TESTS_UNIT_NETWIRE_H

#include <fcntl.h>

#include "tests/unit/netrig.h"

#define RX 0
#define TX 1
#define CTRL 2
#define LINK (rig.dev->config[6] & 1)

static int peer;

static void
open_pair(int type, uint64_t features, enum wire_as as)
{
	char word[64];
	int fds[2];

	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		abort();
	peer = fds[1];
	snprintf(word, sizeof(word), "net,fd=%d", fds[0]);
	if (rig_create(word, as) || !rig_start(features))
		abort();
	if (fcntl(fds[0], F_GETFL) & O_NONBLOCK) /* the shell and others may have it too */
		abort();
}

static void
close_pair(void)
{
	rig_destroy();
	close(peer);
}

static inline void
open_stream(uint64_t features)
{
	open_pair(SOCK_STREAM, features, AS_STREAM);
}

/* A frame behind a zero header. */
static inline void
rig_post_tx(unsigned q, size_t len, unsigned seed)
{
	memset(rig_buffer(q, NET_HDR, 1), 0, NET_HDR);
	fill_frame(rig_buffer(q, len, 0), len, seed);
	rig_avail(q, 2);
}

/* Appends a framed frame to buf. */
static inline size_t
put(uint8_t *buf, size_t len, unsigned seed)
{
	buf[0] = (uint8_t)(len >> 24);
	buf[1] = (uint8_t)(len >> 16);
	buf[2] = (uint8_t)(len >> 8);
	buf[3] = (uint8_t)len;
	fill_frame(buf + 4, len, seed);
	return 4 + len;
}

static inline bool
read_all(int fd, uint8_t *buf, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (size_t got = 0; got < len;) {
		ssize_t n;

		if (poll(&p, 1, 3000) != 1 || (n = read(fd, buf + got, len - got)) <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

/* Reads one framed frame from the peer's end and compares. */
static inline bool
expect_framed(size_t len, unsigned seed)
{
	static uint8_t got[FRAME_MAX + 4], want[FRAME_MAX + 4];

	put(want, len, seed);
	return read_all(peer, got, 4 + len) && !memcmp(got, want, 4 + len);
}

static inline bool
same(const void *buffer, size_t len, unsigned seed)
{
	static uint8_t want[FRAME_MAX];

	fill_frame(want, len, seed);
	return !memcmp(buffer, want, len);
}

#endif

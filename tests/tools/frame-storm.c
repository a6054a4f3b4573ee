/* SPDX-License-Identifier: ISC */
/*
 * frame-storm SOCKET SEED COUNT, or frame-storm -b SOCKET: a hostile guest of vm-slirp's. Sends COUNT frames that are wrong in every way a
 * generator thinks of, some of them nearly right; then asks by ARP for 10.0.2.2 and exits 0 when that is answered.
 * With -b sends one frame with a broken length instead, and exits 0 when it is hung up on.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/frame.h"
#include "common/num.h"
#include "common/util.h"

static uint8_t in_buf[256 * 1024];
static struct frame_reader in = {.buf = in_buf, .cap = sizeof(in_buf)};

/* Headers, up to the data, that reach each part of the stack: destination 52:55:0a:00:02:02, source 52:54:00:12:34:56. */
#define LINK "\x52\x55\x0a\x00\x02\x02\x52\x54\x00\x12\x34\x56"
#define IP4(proto, dst) "\x08\x00\x45\x00\x00\x80\x12\x34\x00\x00\x40" proto "\x00\x00\x0a\x00\x02\x0f" dst
#define IP6(next) "\x86\xdd\x60\x00\x00\x00\x00\x58" next "\x40\xfe\xc0\0\0\0\0\0\0\x50\x54\0\xff\xfe\x12\x34\x56" \
	"\xfe\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02"
static const struct {
	const char *bytes;
	size_t len;
} seeds[] = {
#define SEED(s) {s, sizeof(s) - 1}
    SEED(LINK "\x08\x06\0\x01\x08\0\x06\x04\0\x01\x52\x54\0\x12\x34\x56\x0a\0\x02\x0f\0\0\0\0\0\0\x0a\0\x02\x02"),
    SEED(LINK IP4("\x06", "\x0a\0\x02\x02") "\x30\x39\0\x50\0\0\0\x01\0\0\0\0\x50\x02\xff\xff\0\0\0\0"),
    SEED(LINK IP4("\x11", "\x0a\0\x02\x03") "\0\x44\0\x35\0\x40\0\0\x12\x34\x01\0\0\x01"),
    SEED(LINK IP4("\x11", "\xff\xff\xff\xff") "\0\x44\0\x43\0\x60\0\0\x01\x01\x06\0"),
    SEED(LINK IP4("\x11", "\x0a\0\x02\x02") "\x04\0\0\x45\0\x20\0\0\0\x01../../etc/passwd\0octet\0blksize\0999999\0"),
    SEED(LINK IP4("\x01", "\x0a\0\x02\x02") "\x08\0\0\0\0\x01\0\x01"),
    SEED(LINK IP6("\x3a") "\x87\0\0\0\0\0\0\0\xfe\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\x01\x01\x52\x54\0\x12\x34\x56"),
    SEED(LINK IP6("\x06") "\x30\x39\0\x50\0\0\0\x01\0\0\0\0\x50\x02\xff\xff\0\0\0\0"),
    SEED(LINK IP6("\x11") "\x02\x22\x02\x23\0\x20\0\0\x0b\x12\x34\x56"),
    SEED(LINK "\x88\xf8\0\x01\0\0\0\0"),
};

/* xorshift: the same storm for the same seed. */
static uint64_t state;
static uint32_t
rnd(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

/* The header's own checksum, so that not all of the storm dies at the first gate. */
static void
fix_ip4(uint8_t *f, size_t len)
{
	uint32_t sum = 0;

	if (len < 34 || f[12] != 0x08 || f[13] || f[14] != 0x45)
		return;
	f[24] = f[25] = 0;
	for (size_t i = 14; i < 34; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~(sum + (sum >> 16));
	f[24] = (uint8_t)(sum >> 8);
	f[25] = (uint8_t)sum;
}

static size_t
make_frame(uint8_t *f)
{
	size_t seed = rnd(ARRAY_LEN(seeds)), len = 60 + rnd(rnd(8) ? 100 : 1458);

	for (size_t i = 0; i < len; i++)
		f[i] = (uint8_t)rnd(256);
	memcpy(f, seeds[seed].bytes, seeds[seed].len < len ? seeds[seed].len : len);
	for (uint32_t n = rnd(5); n > 0; n--)
		f[12 + rnd((uint32_t)len - 12)] = (uint8_t)rnd(256);
	if (rnd(2) && len > 18) {
		f[16] = (uint8_t)((len - 14) >> 8);
		f[17] = (uint8_t)(len - 14);
	}
	if (!rnd(4))
		len = FRAME_MIN + rnd((uint32_t)(len - FRAME_MIN));
	if (rnd(16))
		fix_ip4(f, len);
	return len;
}

static void
send_frame(int fd, const uint8_t *f, size_t len)
{
	uint8_t buf[4 + 2048];
	uint32_t size = htobe32((uint32_t)len);

	memcpy(buf, &size, 4);
	memcpy(buf + 4, f, len);
	if (fd_write_all(fd, buf, len + 4) < 0)
		die_sys("vm-slirp hung up");
}

/* Takes what is there; true when an ARP reply of 10.0.2.2's is among it. */
static bool
drain(int fd, int timeout)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	const uint8_t *frame;
	bool arp = false;
	size_t len;

	while (!arp && poll(&p, 1, timeout) > 0) {
		if (frame_fill(&in, fd) <= 0)
			die("vm-slirp hung up");
		while (frame_next(&in, &frame, &len) > 0)
			arp |= len >= 42 && !memcmp(frame + 12, "\x08\x06", 2) && frame[21] == 2 &&
			       !memcmp(frame + 28, "\x0a\0\x02\x02", 4);
	}
	return arp;
}

static int
broken_length(int fd)
{
	char buf[4096];

	if (fd_write_all(fd, "\0\1\xff\xff garbage", 12) < 0)
		die_sys("write");
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return 0;
}

int
main(int argc, char **argv)
{
	uint8_t frame[2048] = {0};
	uint64_t count;
	bool broken = argc == 3 && !strcmp(argv[1], "-b");
	int fd;

	diag_init(argv[0], 1);
	signal(SIGPIPE, SIG_IGN);
	if (!broken && argc != 4)
		die_usage("usage: frame-storm SOCKET SEED COUNT | -b SOCKET");
	fd = fd_connect_unix(argv[broken ? 2 : 1]);
	if (fd < 0)
		die_sys("%s", argv[broken ? 2 : 1]);
	if (broken)
		return broken_length(fd);
	if (!num_parse(argv[2], 1, UINT32_MAX, &state) || !num_parse(argv[3], 0, UINT32_MAX, &count))
		die_usage("%s %s: not numbers", argv[2], argv[3]);
	state *= 0x9e3779b97f4a7c15;
	for (; count; count--) {
		send_frame(fd, frame, make_frame(frame));
		if (count % 16 == 0)
			drain(fd, 0);
	}
	drain(fd, 0);
	memcpy(frame, seeds[0].bytes, seeds[0].len);
	send_frame(fd, frame, 60);
	return drain(fd, 10000) ? 0 : 1;
}

/* SPDX-License-Identifier: ISC */
/* pcap records into a pipe that is slow, full, closed: never half of one. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "common/pcap.h"
#include "tests/unit/tap.h"

static struct pcap pcap;
static uint8_t frame[70000], got[1 << 20];

static uint32_t
u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return v;
}

/* Walks the records in got[24..len); how many there are, -1 when they do not end where the bytes end. */
static int
records(size_t len)
{
	size_t at = 24;
	int n = 0;

	for (; at + 16 <= len; n++)
		at += 16 + u32(got + at + 8);
	return at == len ? n : -1;
}

int
main(void)
{
	struct iovec two[2] = {{frame, 14}, {frame + 14, 1000}}, big = {frame, 9000}, giant = {frame, 70000};
	int p[2], sent = 0, dropped = 0, err;
	size_t len = 0;
	ssize_t n;

	signal(SIGPIPE, SIG_IGN);
	if (pipe2(p, O_NONBLOCK) < 0)
		return 1;
	ok(pcap_begin(&pcap, p[1]) == 0 && read(p[0], got, sizeof(got)) == 24, "a header of 24 bytes");
	ok(u32(got) == 0xa1b23c4d && u32(got + 16) == PCAP_SNAPLEN && u32(got + 20) == 1, "nanoseconds, Ethernet");
	ok(pcap_frame(&pcap, two, 2) == 0 && read(p[0], got + 24, 4096) == 16 + 1014, "a record, gathered");
	ok(u32(got + 32) == 1014 && u32(got + 36) == 1014 && u32(got + 28) < 1000000000, "its lengths and time");
	len = 24;
	for (int i = 0; i < 40; i++) {
		err = pcap_frame(&pcap, &big, 1);
		sent += err == 0;
		dropped += err == -EAGAIN;
	}
	ok(sent && dropped && sent + dropped == 40, "a full pipe loses frames (%d of 40)", dropped);
	do {
		while ((n = read(p[0], got + len, sizeof(got) - len)) > 0)
			len += (size_t)n;
		err = pcap_frame(&pcap, two, 2);
	} while (err == -EAGAIN);
	sent++;
	while ((n = read(p[0], got + len, sizeof(got) - len)) > 0)
		len += (size_t)n;
	ok(records(len) == sent, "but what came is %d whole records", sent);
	len = 24;
	fcntl(p[1], F_SETPIPE_SZ, 1 << 18);
	ok(pcap_frame(&pcap, &giant, 1) == 0, "a frame above the limit");
	while ((n = read(p[0], got + len, sizeof(got) - len)) > 0)
		len += (size_t)n;
	ok(len == 24 + 16 + PCAP_SNAPLEN && u32(got + 32) == PCAP_SNAPLEN && u32(got + 36) == 70000, "is cut, and says so");
	close(p[0]);
	ok(pcap_frame(&pcap, two, 2) == -EPIPE, "a reader that left");
	return tap_done();
}

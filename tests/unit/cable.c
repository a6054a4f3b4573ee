/* SPDX-License-Identifier: ISC */
/* Ends of cables: frames over each kind of socket, echoes of a multicast group, what cannot be one. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cable.h"
#include "common/echo.h"
#include "tests/unit/group.h"
#include "tests/unit/tap.h"

#define MTU 1500

static uint8_t got[64][2000];
static size_t lens[64], ngot;

static void
take(void *arg, uint8_t *frame, size_t len)
{
	(void)arg;
	memcpy(got[ngot % 64], frame, len);
	lens[ngot++ % 64] = len;
}

/* Whether something is taken within a second, and what is said of the other end. */
static bool
receive(struct cable *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};

	ngot = 0;
	return poll(&p, 1, 1000) == 1 && cable_receive(c, take, NULL);
}

static void
fill(uint8_t *f, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		f[i] = (uint8_t)(seed + i);
}

static void
test_sockets(int type, const char *name)
{
	struct cable a, b;
	uint8_t f[2000];
	int sv[2];

	fill(f, sizeof(f), 1);
	socketpair(AF_UNIX, type, 0, sv);
	ok(!cable_open(&a, sv[0], MTU) && !cable_open(&b, sv[1], MTU), "%s: both ends", name);
	for (size_t i = 0; i < 3; i++)
		cable_send(&a, f, 60 + i);
	cable_send(&a, f, MTU + 19);
	ok(cable_flush(&a) && a.dropped == 1, "%s: a frame too large is lost", name);
	ok(receive(&b) && ngot == 3 && lens[0] == 60 && lens[2] == 62 && !memcmp(got[2], f, 62), "%s: the others arrive", name);
	for (size_t i = 0; i < 10000; i++)
		cable_send(&a, f, 1000);
	ok(a.dropped > 5000 && !cable_flush(&a) && a.blocked, "%s: what nobody takes is lost", name);
	for (int i = 0; i < 1000; i++) {
		ngot = 0;
		cable_receive(&b, take, NULL);
		cable_flush(&a);
	}
	ok(!a.blocked, "%s: until somebody does", name);
	close(sv[0]);
	if (type != SOCK_DGRAM)
		ok(!receive(&b) && !b.broken, "%s: the other end goes", name);
	else
		ok((cable_send(&b, f, 60), cable_flush(&b), b.gone), "%s: the other end is gone", name);
	cable_close(&a);
	cable_close(&b);
	close(sv[1]);
}

static void
test_broken(void)
{
	struct cable c;
	int sv[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	cable_open(&c, sv[0], MTU);
	ok(write(sv[1], "\0\0\0\1x", 5) == 5 && !receive(&c) && c.broken, "a length that no frame has");
	cable_close(&c);
	close(sv[0]);
	close(sv[1]);
}

/* Large frames between two ends of a stream, of which b was offered them. */
static void
test_large(void)
{
	struct offload h = {.flags = OFFLOAD_F_NEEDS_CSUM, .gso_type = OFFLOAD_GSO_TCPV4, .gso_size = 1000};
	static uint8_t f[1500];
	struct cable a, b;
	int sv[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, sv);
	cable_open(&a, sv[0], MTU);
	cable_open(&b, sv[1], 1000);
	cable_offload(&a, false);
	fill(f, sizeof(f), 3);
	cable_send(&a, f, 60);
	cable_flush(&a);
	cable_offload(&b, true);
	ok(!a.takes && b.takes == OFFLOAD_ALL, "who offers takes all, who has not answered nothing");
	cable_send_facts(&b, &h, (const struct iovec[2]){{f, 500}, {f + 500, 1000}});
	cable_flush(&b);
	ok(receive(&a) && ngot == 1 && lens[0] == 1500 && !memcmp(got[0], f, 1500) && a.takes == OFFLOAD_ALL &&
		!memcmp(&a.facts, &h, sizeof(h)),
	    "a large frame in two pieces arrives as one, behind the note");
	cable_send_facts(&a, &h, (const struct iovec[2]){{f, 1500}});
	cable_send(&a, f, 1018);
	cable_send(&a, f, 1019);
	cable_flush(&a);
	ok(receive(&b) && ngot == 3 && lens[0] == 60 && lens[1] == 1500 && lens[2] == 1018, "after a plain one large ones come back");
	ok(!b.facts.gso_type, "plain ones without facts");
	h.csum_start = 2000;
	cable_send_facts(&a, &h, (const struct iovec[2]){{f, 1500}});
	cable_flush(&a);
	ok(receive(&b) && ngot == 0, "facts that mean nothing lose the frame");
	for (size_t i = 0; i < 1 << 20 && !cable_crowded(&a); i++) {
		cable_send(&a, f, 1000);
		if (!a.blocked)
			cable_flush(&a);
	}
	ok(cable_crowded(&a) && !a.dropped, "much is queued for who does not read: it is told before anything is lost");
	cable_close(&a);
	cable_close(&b);
	close(sv[0]);
	close(sv[1]);
}

static void
test_no_cable(void)
{
	struct cable c;
	int null = open("/dev/null", O_RDWR);

	is(cable_open(&c, null, MTU), "neither a socket nor a tap", "/dev/null");
	ok(cable_open(&c, -1, MTU) != NULL, "no descriptor");
	close(null);
}

static void
test_group(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xefffff08)};
	struct cable a, b;
	uint8_t f[100];

	cable_open(&a, group_socket(&at), MTU);
	cable_open(&b, group_socket(&at), MTU);
	fill(f, sizeof(f), 2);
	cable_send(&a, f, 60);
	cable_send(&a, f, 61);
	ok(cable_flush(&a) && receive(&b) && ngot == 2 && lens[1] == 61, "two frames to a group");
	cable_send(&b, f, 62);
	cable_flush(&b);
	ok(receive(&a) && ngot == 1 && lens[0] == 62, "one from it, and none that came back");
	ok(receive(&b) && ngot == 0, "nor there");
	cable_close(&a);
	cable_close(&b);
	close(a.fd);
	close(b.fd);
}

static void
test_echo(void)
{
	struct echo e = {0};
	uint8_t f[200] = {0};
	bool heard = true;

	ok(!echo_heard(&e, f, 100), "nothing was sent");
	echo_sent(&e, f, 100);
	f[0] = 1;
	echo_sent(&e, f, 100);
	f[0] = 2;
	echo_sent(&e, f, 100);
	f[0] = 1;
	ok(!echo_heard(&e, f, 99), "another length");
	f[ECHO_BYTES] = 1;
	ok(echo_heard(&e, f, 100), "the second comes, and what is beyond the start does not matter");
	ok(!echo_heard(&e, f, 100), "it comes once");
	f[0] = 0;
	ok(!echo_heard(&e, f, 100), "the first was lost");
	f[0] = 2;
	ok(echo_heard(&e, f, 100), "the third");
	for (size_t i = 0; i < ECHOES + 10; i++)
		echo_sent(&e, f, i);
	ok(!echo_heard(&e, f, 9), "too long ago");
	for (size_t i = 10; i < ECHOES + 10; i++)
		heard = heard && echo_heard(&e, f, i);
	ok(heard, "the latest are remembered");
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_sockets(SOCK_STREAM, "stream");
	test_sockets(SOCK_SEQPACKET, "seqpacket");
	test_sockets(SOCK_DGRAM, "dgram");
	test_broken();
	test_large();
	test_no_cable();
	test_group();
	test_echo();
	return tap_done();
}

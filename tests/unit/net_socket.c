/* SPDX-License-Identifier: ISC */
/* The network device on stream and packet sockets. */
/* links: kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c kvm-run/iothread.c kvm-run/mem.c */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>

#include "tests/unit/group.h"
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

static void
open_stream(uint64_t features)
{
	open_pair(SOCK_STREAM, features, AS_STREAM);
}

/* A frame behind a zero header. */
static void
rig_post_tx(unsigned q, size_t len, unsigned seed)
{
	memset(rig_buffer(q, NET_HDR, 1), 0, NET_HDR);
	fill_frame(rig_buffer(q, len, 0), len, seed);
	rig_avail(q, 2);
}

/* Appends a framed frame to buf. */
static size_t
put(uint8_t *buf, size_t len, unsigned seed)
{
	buf[0] = (uint8_t)(len >> 24);
	buf[1] = (uint8_t)(len >> 16);
	buf[2] = (uint8_t)(len >> 8);
	buf[3] = (uint8_t)len;
	fill_frame(buf + 4, len, seed);
	return 4 + len;
}

static bool
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
static bool
expect_framed(size_t len, unsigned seed)
{
	static uint8_t got[FRAME_MAX + 4], want[FRAME_MAX + 4];

	put(want, len, seed);
	return read_all(peer, got, 4 + len) && !memcmp(got, want, 4 + len);
}

static bool
same(const void *buffer, size_t len, unsigned seed)
{
	static uint8_t want[FRAME_MAX];

	fill_frame(want, len, seed);
	return !memcmp(buffer, want, len);
}

static void
stream_both_ways(void)
{
	uint8_t out[4096], *in[3];
	static const uint8_t header[NET_HDR] = {[NET_HDR_BUFFERS] = 1};
	size_t n = 0;
	struct net_stats s;

	open_stream(NET_F_MRG_RXBUF);
	for (unsigned i = 0; i < 3; i++)
		rig_post_tx(TX, 60 + i * 100, i);
	rig_kick(TX);
	ok(expect_framed(60, 0) && expect_framed(160, 1) && expect_framed(260, 2), "three frames sent, framed");
	ok(rig_used(TX) == 3, "and given back");
	ok(rig.interrupts[TX] == 1, "with one interrupt");

	for (unsigned i = 0; i < 3; i++)
		in[i] = rig_post_rx(RX, 2048);
	rig_kick(RX);
	for (unsigned i = 0; i < 3; i++)
		n += put(out + n, 100 + i, 7 + i);
	rig.interrupts[RX] = 0;
	ok(write(peer, out, n) == (ssize_t)n && rig_wait_used(RX, 3), "three frames of one write received");
	ok(rig_until(rig.interrupts[RX] == 1), "with one interrupt");
	for (unsigned i = 0; i < 3; i++)
		ok(rig_take(RX) == NET_HDR + 100 + i && !memcmp(in[i], header, NET_HDR) &&
			same(in[i] + NET_HDR, 100 + i, 7 + i),
		    "behind a header that says one buffer");
	net_get_stats(rig.net, &s);
	ok(s.tx_frames == 3 && s.tx_bytes == 480 && s.rx_frames == 3 && s.rx_bytes == 303 && !s.rx_drops && !s.tx_drops,
	    "all are counted");
	close_pair();
}

static void
stream_pieces(void)
{
	uint8_t out[4096];
	uint8_t *in;
	size_t n;

	open_stream(NET_F_MRG_RXBUF);
	in = rig_post_rx(RX, 2048);
	rig_kick(RX);
	n = put(out, 500, 3);
	for (size_t i = 0; i < n; i++) {
		if (write(peer, out + i, 1) != 1)
			abort();
		if (i % 100 == 0)
			poll(NULL, 0, 1);
	}
	ok(rig_wait_used(RX, 1) && rig_take(RX) == NET_HDR + 500 && same(in + NET_HDR, 500, 3),
	    "a frame that comes byte by byte");
	close_pair();
}

static void
vde(void)
{
	uint8_t got[64], *in;

	open_pair(SOCK_STREAM, NET_F_MRG_RXBUF, AS_VDE);
	rig_post_tx(TX, 60, 1);
	rig_post_tx(TX, 65536, 2);
	rig_kick(TX);
	ok(read_all(peer, got, 62) && got[0] == 0 && got[1] == 60 && same(got + 2, 60, 1) && rig_used(TX) == 2,
	    "VDE has lengths of two bytes, and loses what has none");
	in = rig_post_rx(RX, 70000);
	rig_kick(RX);
	ok(write(peer, got, 62) == 62 && rig_wait_used(RX, 1) && rig_take(RX) == NET_HDR + 60 && same(in + NET_HDR, 60, 1),
	    "both ways");
	close_pair();
}

static void
mergeable(void)
{
	uint8_t out[2048], *in[12], got[1200];
	size_t n, at = 0;
	bool lens = true;

	open_stream(NET_F_MRG_RXBUF);
	for (unsigned i = 0; i < 12; i++)
		in[i] = rig_post_rx(RX, 100);
	/* Less than the largest frame: the ring is made to be half in the device's hands. */
	rig.dev->queues[RX].vq.size = 16;
	ring[RX].size = 16;
	rig_kick(RX);
	n = put(out, 1000, 9);
	ok(write(peer, out, n) == (ssize_t)n && rig_wait_used(RX, 11), "a frame over eleven buffers");
	ok(rig_used(RX) == 11, "of twelve");
	for (unsigned i = 0; i < 11; i++) {
		uint32_t len = rig_take(RX);

		lens = lens && len == (i < 10 ? 100 : 12);
		memcpy(got + at, in[i], len);
		at += len;
	}
	ok(lens && at == 1012 && got[NET_HDR_BUFFERS] == 11 && same(got + NET_HDR, 1000, 9), "whole, and counted in the header");
	close_pair();
}

static void
not_mergeable(void)
{
	uint8_t out[8192], *in;
	struct net_stats s;
	size_t n;

	open_stream(0);
	in = rig_post_rx(RX, 1526);
	rig_kick(RX);
	n = put(out, 2000, 1);
	n += put(out + n, 1514, 2);
	ok(write(peer, out, n) == (ssize_t)n && rig_wait_used(RX, 1) && rig_take(RX) == 1526 && same(in + NET_HDR, 1514, 2),
	    "without mergeable buffers a frame that does not fit is lost, the next is not");
	net_get_stats(rig.net, &s);
	ok(s.rx_drops == 1 && s.rx_frames == 1, "and counted as lost");
	close_pair();
}

static void
no_buffers(void)
{
	uint8_t out[2048], *in;
	size_t n;

	open_stream(NET_F_MRG_RXBUF);
	n = put(out, 300, 5);
	n += put(out + n, 301, 6);
	if (write(peer, out, n) != (ssize_t)n)
		abort();
	ok(rig_until(rig.net->pairs[0].rx_paused && !rig.net->pairs[0].wire.events), "without buffers the wire is not watched");
	in = rig_post_rx(RX, 2000);
	ring[RX].size = rig.dev->queues[RX].vq.size = 2;
	rig_kick(RX);
	ok(rig_wait_used(RX, 1) && same(in + NET_HDR, 300, 5), "a kick brings the first frame");
	in = rig_post_rx(RX, 2000);
	rig_kick(RX);
	ok(rig_wait_used(RX, 2) && same(in + NET_HDR, 301, 6), "and the next kick the one that had been read already");
	close_pair();
}

/* Sends until the socket is full. */
static unsigned
flood(size_t len)
{
	unsigned sent = 0;

	while (rig_used(TX) == sent && sent < 2000) {
		rig_post_tx(TX, len, sent);
		sent++;
		rig_kick(TX);
		if (next_buffer > MEM_SIZE - (1 << 20))
			next_buffer = BUFFERS;
	}
	return sent;
}

static void
slow_peer(void)
{
	int size = 8192;
	unsigned sent, good = 0;
	struct net_stats s;

	open_stream(NET_F_MRG_RXBUF);
	setsockopt(rig.net->pairs[0].fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	sent = flood(20011);
	ok(sent < 2000 && rig.net->pairs[0].tx_blocked, "a peer that does not read holds the ring up");
	while (good < sent && expect_framed(20011, good))
		good++;
	ok(good == sent && rig_until(rig_used(TX) == sent), "when it reads it gets every frame whole and in order");
	net_get_stats(rig.net, &s);
	ok(s.tx_frames == sent && !s.tx_drops, "none is lost");
	close_pair();
}

static void
stuck_peer(void)
{
	int size = 8192;
	unsigned sent, good = 0;
	struct net_stats s;

	open_stream(NET_F_MRG_RXBUF);
	setsockopt(rig.net->pairs[0].fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	sent = flood(20011);
	ok(rig_until(rig_used(TX) == sent), "a peer that reads nothing for a second loses frames");
	rig_post_tx(TX, 100, 1);
	rig_kick(TX);
	ok(rig_used(TX) == sent + 1, "and those that follow");
	net_get_stats(rig.net, &s);
	ok(s.tx_drops >= 2 && s.tx_frames + s.tx_drops == sent + 1, "which is counted");
	while (good < s.tx_frames && expect_framed(20011, good))
		good++;
	ok(good == s.tx_frames && rig_until(!rig.net->pairs[0].tx_blocked), "what it then reads is whole");
	rig_post_tx(TX, 77, 3);
	rig_kick(TX);
	ok(expect_framed(77, 3), "and frames arrive again");
	close_pair();
}

static void
endings(void)
{
	static const uint8_t nonsense[4] = {0, 0, 0, 1};
	struct net_stats s;

	open_stream(NET_F_MRG_RXBUF);
	ok(LINK && net_link(rig.net), "the link is up");
	rig_post_rx(RX, 70000);
	rig_kick(RX);
	shutdown(peer, SHUT_WR);
	ok(rig_until(!net_link(rig.net)) && !LINK, "the peer's end of file takes it down");
	rig_post_tx(TX, 60, 1);
	rig_kick(TX);
	net_get_stats(rig.net, &s);
	ok(rig_used(TX) == 1 && s.tx_drops == 1, "and frames are lost");
	close_pair();

	open_stream(NET_F_MRG_RXBUF);
	rig_post_rx(RX, 70000);
	rig_kick(RX);
	ok(write(peer, nonsense, 4) == 4 && rig_until(!net_link(rig.net)), "so does a broken framing");
	close_pair();

	open_stream(NET_F_MRG_RXBUF);
	close(peer);
	rig_post_tx(TX, 60, 1);
	rig_kick(TX);
	ok(rig_until(!net_link(rig.net)) && rig_used(TX) == 1, "so does sending to a peer that has gone");
	close_pair();
}

static void
pulled(void)
{
	uint8_t out[256], *in;
	size_t n = put(out, 100, 1);
	struct net_stats s;

	open_stream(NET_F_MRG_RXBUF);
	net_set_link(rig.net, false);
	ok(!LINK, "a pulled cable is seen");
	if (write(peer, out, n) != (ssize_t)n)
		abort();
	ok(rig_until((net_get_stats(rig.net, &s), s.rx_drops == 1)), "what comes meanwhile is lost, although there is no buffer");
	rig_post_tx(TX, 60, 1);
	rig_kick(TX);
	ok(rig_used(TX) == 1, "what goes too");
	net_set_link(rig.net, true);
	in = rig_post_rx(RX, 70000);
	rig_kick(RX);
	n = put(out, 101, 2);
	ok(LINK && write(peer, out, n) == (ssize_t)n && rig_wait_used(RX, 1) && same(in + NET_HDR, 101, 2),
	    "plugged in again it works");
	close_pair();
}

static void
packets(void)
{
	uint8_t f[2048], *in[40];
	bool all = true;
	struct net_stats s;

	open_pair(SOCK_SEQPACKET, NET_F_MRG_RXBUF, AS_PACKET);
	for (unsigned i = 0; i < 40; i++)
		in[i] = rig_post_rx(RX, 2048);
	rig_kick(RX);
	for (unsigned i = 0; i < 40; i++) {
		fill_frame(f, 60 + i, i);
		if (write(peer, f, 60 + i) != 60 + i)
			abort();
	}
	ok(rig_wait_used(RX, 40), "forty messages received");
	for (unsigned i = 0; i < 40; i++)
		all = all && rig_take(RX) == NET_HDR + 60 + i && same(in[i] + NET_HDR, 60 + i, i);
	ok(all, "each whole");
	for (unsigned i = 0; i < 40; i++)
		rig_post_tx(TX, 60 + i, i);
	rig_kick(TX);
	all = rig_used(TX) == 40;
	for (unsigned i = 0; i < 40; i++)
		all = all && read(peer, f, sizeof(f)) == 60 + i && same(f, 60 + i, i);
	ok(all, "forty messages sent");
	rig_post_tx(TX, 5, 1);
	rig_post_tx(TX, 60, 2);
	rig_kick(TX);
	net_get_stats(rig.net, &s);
	ok(read(peer, f, sizeof(f)) == 60 && rig_used(TX) == 42 && s.tx_drops == 1, "what is no frame is lost");
	rig_post_rx(RX, 70000);
	rig_kick(RX);
	shutdown(peer, SHUT_WR);
	ok(rig_until(!net_link(rig.net)), "the end of a seqpacket peer takes the link down");
	close_pair();

	open_pair(SOCK_DGRAM, NET_F_MRG_RXBUF, AS_PACKET);
	in[0] = rig_post_rx(RX, 70000);
	rig_kick(RX);
	fill_frame(f, 60, 4);
	ok(send(peer, f, 0, 0) == 0 && send(peer, f, 60, 0) == 60 && rig_wait_used(RX, 1) && same(in[0] + NET_HDR, 60, 4) &&
		net_link(rig.net),
	    "an empty dgram is nothing");
	close(peer);
	rig_post_tx(TX, 60, 1);
	rig_kick(TX);
	ok(!net_link(rig.net), "a dgram peer that has gone is noticed when sending");
	close_pair();
}

static atomic_bool refilling;

/* A driver on another processor that keeps the control queue full. */
static void *
refill(void *arg)
{
	struct ring *r = &ring[CTRL];

	(void)arg;
	while (refilling)
		__atomic_store_n(&r->avail[1], (uint16_t)(__atomic_load_n(&r->used[1], __ATOMIC_ACQUIRE) + 200),
		    __ATOMIC_RELEASE);
	return NULL;
}

static void
control_flooded(void)
{
	unsigned most = 0, laps = 0;
	pthread_t t[3]; /* the device's thread will take the place of one */

	open_stream(NET_F_CTRL_VQ | NET_F_CTRL_RX);
	for (unsigned i = 0; i < 128; i++) {
		memset(rig_buffer(CTRL, 3, 1), 0, 3);
		rig_buffer(CTRL, 1, 2);
	}
	for (unsigned i = 0; i < ring[CTRL].size; i++)
		ring[CTRL].avail[2 + i] = (uint16_t)(i % 128 * 2);
	refilling = true;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++)
		if (pthread_create(&t[i], NULL, refill, NULL))
			abort();
	/* Long enough for two of them to run at once for a moment, on a busy machine too. */
	for (unsigned i = 0; i < 5000 && laps < 500 && most <= NET_RING; i++) {
		uint16_t before = ring[CTRL].used[1];
		unsigned done;

		rig_kick(CTRL);
		done = (uint16_t)(__atomic_load_n(&ring[CTRL].used[1], __ATOMIC_ACQUIRE) - before);
		most = done > most ? done : most;
		laps += done != 0;
		if (!done)
			sched_yield();
	}
	refilling = false;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++)
		pthread_join(t[i], NULL);
	ok(most && most <= NET_RING, "a driver that never stops to command keeps the thread for a lap");
	close_pair();
}

static void
packets_full(void)
{
	uint8_t f[2048];
	unsigned sent = 0, got = 0;
	int size = 4096;

	open_pair(SOCK_DGRAM, NET_F_MRG_RXBUF, AS_PACKET);
	setsockopt(rig.net->pairs[0].fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (; sent < 100; sent++)
		rig_post_tx(TX, 60 + sent, sent);
	rig_kick(TX);
	ok(rig.net->pairs[0].tx_blocked, "a full dgram socket holds the ring up");
	while (got < sent && read(peer, f, sizeof(f)) == (ssize_t)(60 + got) && same(f, 60 + got, got))
		got++;
	ok(got == sent && rig_until(rig_used(TX) == sent), "and all arrive");
	close_pair();
}

static void
flooded(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xefffff08)};
	uint8_t f[64] = {0};
	char word[64];

	snprintf(word, sizeof(word), "net,fd=%d", group_socket(&a));
	peer = group_socket(&a);
	for (unsigned i = 0; i < 200; i++)
		if (sendto(peer, f, sizeof(f), 0, (struct sockaddr *)&a, sizeof(a)) != sizeof(f))
			abort();
	if (rig_create(word, AS_PACKET) || !rig_start(NET_F_MRG_RXBUF))
		abort();
	rig.interrupts[RX] = 0;
	for (unsigned i = 0; i < 256; i++)
		rig_post_rx(RX, 2048);
	rig_kick(RX);
	ok(rig_wait_used(RX, 200) && rig_until(rig.interrupts[RX] >= 200 / NET_BATCH + 1),
	    "a flood of messages is taken in turns");
	close_pair();
}

static void
multicast(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xefffff07)};
	uint8_t f[2048], *in;
	char word[64];
	bool got = true;

	snprintf(word, sizeof(word), "net,fd=%d", group_socket(&a));
	peer = group_socket(&a);
	if (rig_create(word, AS_PACKET) || !rig_start(NET_F_MRG_RXBUF))
		abort();
	in = rig_post_rx(RX, 70000);
	rig_kick(RX);
	for (unsigned i = 0; i < 3; i++)
		rig_post_tx(TX, 100 + i, i);
	rig_kick(TX);
	for (unsigned i = 0; i < 3; i++)
		got = got && read(peer, f, sizeof(f)) == 100 + i && same(f, 100 + i, i);
	ok(got, "three frames sent to a multicast group");
	fill_frame(f, 200, 9);
	ok(sendto(peer, f, 200, 0, (struct sockaddr *)&a, sizeof(a)) == 200 && rig_wait_used(RX, 1) &&
		rig_take(RX) == NET_HDR + 200 && same(in + NET_HDR, 200, 9) && rig_used(RX) == 0,
	    "one of another member received, and none of its own");
	close_pair();
}

static size_t
record(const uint8_t *p, size_t len, unsigned seed)
{
	uint32_t caplen, wire;

	memcpy(&caplen, p + 8, 4);
	memcpy(&wire, p + 12, 4);
	return caplen == len && wire == len && same(p + 16, len, seed) ? 16 + len : 0;
}

static void
captures(void)
{
	static struct wires ws;
	char word[64];
	uint8_t buf[2048], out[256];
	int ends[3][2];
	size_t n, at;

	for (unsigned i = 0; i < 3; i++)
		if (pipe(ends[i]) < 0)
			abort();
	snprintf(word, sizeof(word), "pcap,fd=%d pcap,fd=%d,of=net0 pcap,fd=%d,of=net7", ends[0][1], ends[1][1], ends[2][1]);
	wires_add(&ws, word, strlen(word));
	rig.vm.captures = net_capture_open(&ws);
	open_stream(NET_F_MRG_RXBUF);
	rig_post_rx(RX, 70000);
	rig_kick(RX);
	rig_post_tx(TX, 100, 1);
	rig_kick(TX);
	n = put(out, 101, 2);
	ok(write(peer, out, n) == (ssize_t)n && rig_wait_used(RX, 1), "frames go both ways under a capture");
	for (unsigned i = 0; i < 2; i++) {
		n = (size_t)read(ends[i][0], buf, sizeof(buf));
		at = 24;
		at += record(buf + at, 100, 1);
		at += record(buf + at, 101, 2);
		ok(n == 24 + 2 * 16 + 201 && at == n, "which has both");
	}
	ok(read(ends[2][0], buf, sizeof(buf)) == 24, "one of another wire has none");
	ok(!(fcntl(ends[0][1], F_GETFL) & O_NONBLOCK), "and what the shell has too is not made non-blocking");
	close(ends[0][0]);
	rig_post_tx(TX, 102, 3);
	rig_kick(TX);
	ok(rig_used(TX) == 2 && read(ends[1][0], buf, sizeof(buf)) == 16 + 102, "a reader that leaves hurts nobody");
	while (rig_used(TX) < 1200) { /* more than a pipe holds */
		rig_post_tx(TX, 102, 3);
		rig_kick(TX);
		if (read(peer, buf, sizeof(buf)) < 0)
			abort();
	}
	ok(rig_used(TX) == 1200, "nor does one that stops reading");
	close_pair();
	for (unsigned i = 0; i < 3; i++)
		free(rig.vm.captures[i]);
	free(rig.vm.captures);
	rig.vm.captures = NULL;
}

static uint8_t
control(const void *cmd, size_t len)
{
	uint8_t *ack;

	memcpy(rig_buffer(CTRL, len, 1), cmd, len);
	ack = rig_buffer(CTRL, 1, 2);
	*ack = 0xff;
	rig_avail(CTRL, 2);
	rig_kick(CTRL);
	return *ack;
}

static void
control_queue(void)
{
	open_stream(NET_F_CTRL_VQ | NET_F_CTRL_RX | NET_F_MRG_RXBUF);
	ok(control((uint8_t[]){0, 0, 1}, 3) == 0, "promiscuous mode is accepted");
	ok(control((uint8_t[]){0, 9, 1}, 3) == 1, "an unknown receive mode is not");
	ok(control((uint8_t[]){4, 0, 1, 0}, 4) == 1, "nor are queue pairs when MQ was not offered");
	ok(control((uint8_t[]){9, 0}, 2) == 1, "nor an unknown class");
	ok(control((uint8_t[]){0}, 1) == 1, "nor half a command");
	close_pair();
}

static void
hostile(void)
{
	uint8_t out[128];
	size_t n = put(out, 60, 1);

	open_stream(NET_F_MRG_RXBUF);
	rig_post_rx(RX, 0);
	ok(write(peer, out, n) == (ssize_t)n && rig_until(rig.broken != NULL), "a receive buffer without room needs a reset");
	close_pair();

	open_stream(NET_F_MRG_RXBUF);
	rig_buffer(TX, 60, 0);
	ring[TX].desc[0].addr = MEM_SIZE - 10;
	rig_avail(TX, 1);
	rig_kick(TX);
	ok(rig.broken != NULL, "so does a frame outside of RAM");
	rig_stop();
	ok(rig_start(NET_F_MRG_RXBUF) && !rig.broken, "which helps");
	rig_post_tx(TX, 60, 1);
	rig_kick(TX);
	ok(expect_framed(60, 1), "and frames are sent again");
	close_pair();
}

static void
macs(void)
{
	uint64_t a = net_mac_seed("a"), b = net_mac_seed("b");
	uint8_t m[4][6];
	static const uint8_t given[6] = {2, 0, 0, 0, 0, 9};
	int fds[2];
	char word[64];

	net_mac_default(a, "net0", m[0]);
	net_mac_default(a, "net1", m[1]);
	net_mac_default(b, "net0", m[2]);
	net_mac_default(net_mac_seed("a"), "net0", m[3]);
	ok(!memcmp(m[0], "\x52\x54\x00", 3) && !memcmp(m[0], m[3], 6), "a default MAC address is the same each time");
	ok(memcmp(m[0], m[1], 6) && memcmp(m[0], m[2], 6), "and another for another wire or guest");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	snprintf(word, sizeof(word), "net,fd=%d,mac=02:00:00:00:00:09,mtu=9000", fds[0]);
	ok(!rig_create(word, AS_STREAM) && !memcmp(rig.dev->config, given, 6) && rig.dev->offered & NET_F_MTU &&
		rig.dev->config[10] == (9000 & 0xff) && rig.dev->config[11] == 9000 >> 8,
	    "MAC address and MTU are as the wire says");
	rig_destroy();
	close(fds[1]);
	ok(rig_create("net,fd=0,mac=03:00:00:00:00:09", AS_STREAM) != NULL, "a multicast MAC address is refused");
	ok(rig_create("net,fd=0,mtu=67", AS_STREAM) != NULL, "so is an MTU of 67");
	ok(rig_create("net,fd=0:1", AS_STREAM) != NULL, "so are two sockets");
}

int
main(void)
{
	diag_init("net_socket", 1);
	signal(SIGPIPE, SIG_IGN);
	stream_both_ways();
	stream_pieces();
	vde();
	mergeable();
	not_mergeable();
	no_buffers();
	slow_peer();
	stuck_peer();
	endings();
	pulled();
	packets();
	packets_full();
	multicast();
	flooded();
	control_flooded();
	captures();
	control_queue();
	hostile();
	macs();
	return done_testing();
}

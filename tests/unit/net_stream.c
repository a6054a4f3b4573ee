/* SPDX-License-Identifier: ISC */
/* The network device on stream sockets. */
/* links: kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c kvm-run/iothread.c kvm-run/mem.c */
#include "common/diag.h"
#include "tests/unit/netwire.h"

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
/* Frames for a peer that does not read, until one has to wait. */
static unsigned
flood(size_t len)
{
	int size = 8192;
	unsigned sent = 0;

	open_stream(NET_F_MRG_RXBUF);
	setsockopt(rig.net->pairs[0].fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
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
	unsigned sent = flood(20011), good = 0;
	struct net_stats s;

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
	unsigned sent = flood(20011), good = 0;
	struct net_stats s;

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

int
main(void)
{
	diag_init("net_stream", 1);
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
	return done_testing();
}

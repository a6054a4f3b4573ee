/* SPDX-License-Identifier: ISC */
/* The network device on a stream whose word offers large frames: notes, headers both ways, and what is not believed. */
/* links: kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c kvm-run/iothread.c kvm-run/mem.c */
#include "common/diag.h"
#include "common/segment.h"
#include "tests/unit/netrig.h"

#define RX 0
#define TX 1
#define GUEST (NET_F_MRG_RXBUF | NET_OFFLOADS_HOST | NET_OFFLOADS_GUEST)

static int peer;

static void
open_wire(const char *keys, uint64_t features)
{
	char word[64];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	peer = fds[1];
	snprintf(word, sizeof(word), "net,fd=%d%s", fds[0], keys);
	if (rig_create(word, AS_STREAM) || !rig_start(features))
		abort();
}

static void
close_wire(void)
{
	rig_destroy();
	close(peer);
}

static bool
comes(const void *want, size_t len)
{
	static uint8_t got[2 * FRAME_MAX];
	struct pollfd p = {.fd = peer, .events = POLLIN};

	for (size_t have = 0; have < len;) {
		ssize_t n;

		if (poll(&p, 1, 3000) != 1 || (n = read(peer, got + have, len - have)) <= 0)
			return false;
		have += (size_t)n;
	}
	return !memcmp(got, want, len);
}

static bool
note_comes(unsigned takes)
{
	uint8_t note[8] = {0, 0, 0, 4, 0, 0, (uint8_t)(takes >> 8), (uint8_t)takes};

	return comes(note, sizeof(note));
}

static void
give(const void *p, size_t len)
{
	if (write(peer, p, len) != (ssize_t)len)
		abort();
}

static void
give_frame(const struct offload *facts, const uint8_t *frame, size_t len)
{
	size_t all = len + (facts ? OFFLOAD_HEADER : 0);
	uint8_t head[4] = {0, (uint8_t)(all >> 16), (uint8_t)(all >> 8), (uint8_t)all};

	give(head, sizeof(head));
	if (facts)
		give(facts, OFFLOAD_HEADER);
	give(frame, len);
}

static void
offers(void)
{
	open_wire("", 0);
	ok(!(rig.dev->offered & (NET_OFFLOADS_HOST | NET_OFFLOADS_GUEST)), "a wire that offers nothing has no offloads");
	close_wire();
	open_wire(",xgso=off", 0);
	ok(!(rig.dev->offered & (NET_OFFLOADS_HOST | NET_OFFLOADS_GUEST)), "nor has one that says so");
	close_wire();
	open_wire(",xgso=on", 0);
	ok((rig.dev->offered & GUEST) == GUEST, "one that offers has all of them");
	ok(note_comes(0), "and is told of a driver that takes nothing");
	rig_stop();
	ok(note_comes(0) && rig_start(NET_OFFLOADS_GUEST) && note_comes(OFFLOAD_ALL), "and of one that takes all");
	rig_stop();
	ok(rig_start(NET_F_GUEST_CSUM | NET_F_GUEST_TSO6) && note_comes(0) && note_comes(OFFLOAD_CSUM | OFFLOAD_TSO6),
	    "gone, and another");
	close_wire();
}

/* The driver's header goes as it is: whoever gets it does not believe it. */
static void
sends(void)
{
	static uint8_t want[4 + OFFLOAD_HEADER + 65000];
	size_t len = sizeof(want) - 4;
	struct net_stats s;
	uint8_t *header;

	open_wire(",xgso=on", GUEST);
	header = rig_buffer(TX, NET_HDR, 1);
	fill_frame(header, NET_HDR, 99);
	fill_frame(rig_buffer(TX, 65000, 0), 65000, 7);
	rig_avail(TX, 2);
	memcpy(want, (const uint8_t[]){0, (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len}, 4);
	memcpy(want + 4, header, NET_HDR);
	fill_frame(want + 4 + NET_HDR, 65000, 7);
	rig_kick(TX);
	ok(note_comes(OFFLOAD_ALL) && comes(want, sizeof(want)), "65000 bytes behind the driver's header, after the note");
	net_get_stats(rig.net, &s);
	ok(s.tx_frames == 1 && s.tx_bytes == 65000, "counted without it");
	close_wire();
}

/* A segment to be cut after 1460 bytes, which a driver could be handed. */
static size_t
segment(uint8_t *f, struct offload *h, size_t len)
{
	struct segment s = {.ip = 14, .tcp = 34, .data = 54};

	fill_frame(f, 54 + len, 3);
	memcpy(f + 12, "\x08\0\x45", 3);
	memset(f + 20, 0, 2);
	f[23] = 6;
	f[46] = 0x50;
	offload_large(h, f, &s, len, 1460);
	return 54 + len;
}

static void
receives(void)
{
	static uint8_t f[40000];
	const struct offload *seen;
	struct offload h;
	size_t len = segment(f, &h, 30000);
	uint8_t *in;

	open_wire(",xgso=on", GUEST);
	in = rig_post_rx(RX, 70000);
	rig_kick(RX);
	give_frame(NULL, f, 1000);
	seen = (const struct offload *)(void *)in;
	ok(rig_wait_used(RX, 1) && rig_take(RX) == NET_HDR + 1000 && !memcmp(in + NET_HDR, f, 1000) && !seen->flags &&
		!seen->gso_type && seen->num_buffers == 1,
	    "before the other end's note frames are plain");
	in = rig_post_rx(RX, 70000);
	rig_kick(RX);
	give("\0\0\0\4\0\0\3\x82", 8);
	h.num_buffers = 77;
	give_frame(&h, f, len);
	seen = (const struct offload *)(void *)in;
	ok(rig_wait_used(RX, 1) && rig_take(RX) == NET_HDR + len && !memcmp(in + NET_HDR, f, len), "then a segment of 30000 bytes");
	ok(!memcmp(in, &h, NET_HDR_BUFFERS) && seen->num_buffers == 1, "behind its header, but for the count of buffers");
	close_wire();
}

/* What the driver did not accept, or cannot mean anything, is lost; the next frame is not. */
static void
not_believed(void)
{
	static uint8_t f[40000];
	struct offload good, h[6];
	size_t len = segment(f, &good, 5000);
	struct net_stats s;
	uint8_t *in;

	for (unsigned i = 0; i < 6; i++)
		h[i] = good;
	h[0].csum_start = 65535;
	h[1].gso_size = 0;
	h[2].gso_type = OFFLOAD_GSO_TCPV6;
	h[3].gso_type |= OFFLOAD_GSO_ECN;
	h[4].gso_type = 3; /* UDP fragments */
	h[5].csum_offset = 6;
	open_wire(",xgso=on", NET_F_MRG_RXBUF | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4);
	in = rig_post_rx(RX, 70000);
	rig_kick(RX);
	give("\0\0\0\4\0\0\3\x82", 8);
	for (unsigned i = 0; i < 6; i++)
		give_frame(&h[i], f, len);
	give_frame(&good, f, len);
	ok(rig_wait_used(RX, 1) && rig_take(RX) == NET_HDR + len && !memcmp(in, &good, NET_HDR_BUFFERS), "the good one arrives");
	net_get_stats(rig.net, &s);
	ok(s.rx_drops == 6 && s.rx_frames == 1, "six others are lost");
	rig_stop();
	rig_start(NET_F_MRG_RXBUF);
	in = rig_post_rx(RX, 70000);
	rig_kick(RX);
	give_frame(&good, f, len);
	good = (struct offload){.flags = OFFLOAD_F_DATA_VALID};
	give_frame(&good, f, 100);
	ok(rig_wait_used(RX, 1) && rig_take(RX) == NET_HDR + 100 && !in[0], "a driver without checksums hears of none");
	net_get_stats(rig.net, &s);
	ok(s.rx_drops == 7, "and is given no large frame");
	rig_post_rx(RX, 70000);
	rig_kick(RX);
	give("\0\0\0\x19", 4);
	ok(rig_until(!net_link(rig.net)), "a header without a frame breaks the framing");
	close_wire();
}

/* Notes wait for a wire that is full, and go between frames. */
static void
blocked(void)
{
	int size = 8192;
	unsigned sent = 0, takes[] = {0, OFFLOAD_ALL, 0, OFFLOAD_CSUM}, notes = 0;
	uint8_t head[4], *frame = calloc(1, FRAME_MAX);
	bool good = true;

	open_wire(",xgso=on", 0);
	setsockopt(rig.net->pairs[0].fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while (sent < 200 && rig_used(TX) == sent) {
		memset(rig_buffer(TX, NET_HDR, 1), 0, NET_HDR);
		fill_frame(rig_buffer(TX, 20011, 0), 20011, 1);
		rig_avail(TX, 2);
		sent++;
		rig_kick(TX);
	}
	ok(sent < 200, "the wire is full");
	rig_stop();
	rig_start(NET_OFFLOADS_GUEST);
	rig_stop();
	rig_start(NET_F_GUEST_CSUM);
	for (unsigned frames = 0; good && takes[notes] != OFFLOAD_CSUM;) {
		uint32_t n;

		good = recv(peer, head, 4, MSG_WAITALL) == 4;
		n = (uint32_t)head[2] << 8 | head[3];
		good = good && recv(peer, frame, n, MSG_WAITALL) == (ssize_t)n;
		if (n == FRAME_NOTE)
			while (notes < 3 && takes[notes] != ((unsigned)frame[2] << 8 | frame[3]))
				notes++;
		else
			good = good && n == NET_HDR + 20011 && frames++ < sent;
	}
	ok(good, "what it takes then is whole frames, and the last note");
	free(frame);
	close_wire();
}

int
main(void)
{
	diag_init("net_large", -1);
	signal(SIGPIPE, SIG_IGN);
	offers();
	sends();
	receives();
	not_believed();
	blocked();
	return done_testing();
}

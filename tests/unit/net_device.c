/* SPDX-License-Identifier: ISC */
/* What the network device does whatever its wire: control queue, captures, addresses, hostile drivers. */
/* links: kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c kvm-run/iothread.c kvm-run/mem.c */
#include <sched.h>

#include "common/diag.h"
#include "tests/unit/netwire.h"

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
	diag_init("net_device", 1);
	signal(SIGPIPE, SIG_IGN);
	control_flooded();
	captures();
	control_queue();
	hostile();
	macs();
	return done_testing();
}

/* SPDX-License-Identifier: ISC */
/* The network device on a tap of its own network namespace: virtio headers, offloads, several queues. */
/* links: kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c kvm-run/iothread.c kvm-run/mem.c */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "common/diag.h"
#include "tests/unit/netrig.h"

#define RX 0
#define TX 1
#define QUEUES 3
#define CTRLQ (2 * QUEUES)
#define ETHERTYPE 0x88b5 /* for experiments: no one else sends it */

static int host; /* packet socket on the tap's other side */
static int fds[QUEUES];

static bool
enter_namespace(void)
{
	return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

static int
open_queue(short flags)
{
	struct ifreq ifr = {.ifr_name = "t0", .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags)};
	int fd = open("/dev/net/tun", O_RDWR);

	if (fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Brings the tap up, without IPv6 so that nobody speaks on it, and listens there. */
static void
open_host(void)
{
	struct ifreq ifr = {.ifr_name = "t0"};
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE)};
	int v6 = open("/proc/sys/net/ipv6/conf/t0/disable_ipv6", O_WRONLY);

	if (v6 >= 0 && write(v6, "1", 1) == 1)
		close(v6);
	host = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE));
	if (host < 0 || ioctl(host, SIOCGIFFLAGS, &ifr) < 0)
		abort();
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(host, SIOCSIFFLAGS, &ifr) < 0 || ioctl(host, SIOCGIFINDEX, &ifr) < 0)
		abort();
	at.sll_ifindex = ifr.ifr_ifindex;
	if (bind(host, (struct sockaddr *)&at, sizeof(at)) < 0)
		abort();
}

static void
open_tap(unsigned queues, short flags, uint64_t features)
{
	char word[64] = "net,fd=";

	for (unsigned i = 0; i < queues; i++) {
		fds[i] = open_queue((short)(flags | (queues > 1 ? IFF_MULTI_QUEUE : 0)));
		if (fds[i] < 0)
			abort();
		snprintf(word + strlen(word), 16, "%s%d", i ? ":" : "", fds[i]);
	}
	open_host();
	if (rig_create(word, AS_TAP) || !rig_start(features))
		abort();
}

static void
close_tap(void)
{
	rig_destroy();
	close(host);
}

/* Ethernet broadcast of the experimental type; the rest is a pattern. */
static void
ethernet(uint8_t *f, size_t len, unsigned seed)
{
	fill_frame(f, len, seed);
	memset(f, 0xff, 6);
	memcpy(f + 6, "\x02\0\0\0\0\x09", 6);
	f[12] = ETHERTYPE >> 8;
	f[13] = ETHERTYPE & 0xff;
}

static bool
host_sends(size_t len, unsigned seed)
{
	static uint8_t f[FRAME_MAX];

	ethernet(f, len, seed);
	return send(host, f, len, 0) == (ssize_t)len;
}

static bool
is_frame(const uint8_t *got, size_t len, unsigned seed)
{
	static uint8_t want[FRAME_MAX];

	ethernet(want, len, seed);
	return !memcmp(got, want, len);
}

static bool
host_receives(size_t len, unsigned seed)
{
	static uint8_t got[FRAME_MAX];
	struct pollfd p = {.fd = host, .events = POLLIN};

	return poll(&p, 1, 2000) == 1 && recv(host, got, sizeof(got), 0) == (ssize_t)len && is_frame(got, len, seed);
}

static uint8_t *
post_tx(unsigned q, size_t len, unsigned seed)
{
	uint8_t *header = rig_buffer(q, NET_HDR, 1);

	memset(header, 0, NET_HDR);
	ethernet(rig_buffer(q, len, 0), len, seed);
	rig_avail(q, 2);
	return header;
}

static void
both_ways(short flags, const char *what)
{
	uint8_t *in;
	uint8_t header[NET_HDR] = {[NET_HDR_BUFFERS] = 1};
	char text[80];

	open_tap(1, flags, NET_F_MRG_RXBUF);
	in = rig_post_rx(RX, 2048);
	memset(in, 0xee, 2048);
	ring[RX].size = rig.dev->queues[RX].vq.size = 2;
	rig_kick(RX);
	snprintf(text, sizeof(text), "%s: a frame received behind a clean header", what);
	ok(host_sends(200, 1) && rig_wait_used(RX, 1) && rig_take(RX) == NET_HDR + 200 && !memcmp(in, header, NET_HDR) &&
		is_frame(in + NET_HDR, 200, 1),
	    text);
	post_tx(TX, 300, 2);
	post_tx(TX, 301, 3);
	rig_kick(TX);
	snprintf(text, sizeof(text), "%s: two frames sent", what);
	ok(host_receives(300, 2) && host_receives(301, 3) && rig_used(TX) == 2, text);
	close_tap();
}

/* Frames larger than what one read is offered arrive whole: the rest is copied. */
static void
large(void)
{
	static uint8_t got[FRAME_MAX];
	struct ifreq ifr = {.ifr_name = "t0", .ifr_mtu = 20000};
	uint8_t *in[60];
	size_t at = 0;

	open_tap(1, IFF_VNET_HDR, NET_F_MRG_RXBUF | NET_F_GUEST_CSUM | NET_F_GUEST_TSO4);
	if (ioctl(host, SIOCSIFMTU, &ifr) < 0)
		abort();
	for (unsigned i = 0; i < 60; i++)
		in[i] = rig_post_rx(RX, 1530);
	rig_kick(RX);
	ok(host_sends(15000, 5) && rig_wait_used(RX, 10), "a large frame takes ten buffers");
	for (unsigned i = 0; i < 10; i++) {
		uint32_t len = rig_take(RX);

		memcpy(got + at, in[i], len);
		at += len;
	}
	ok(at == NET_HDR + 15000 && got[NET_HDR_BUFFERS] == 10 && is_frame(got + NET_HDR, 15000, 5), "and is whole");
	ok(rig.net->pairs[0].reach > NET_REACH, "after which more is offered");
	close_tap();
}

static unsigned told_of_sent; /* at the end of a turn in which a frame was sent and its answer received */

static void
send_answered(void *arg)
{
	bool takes_back = *(bool *)arg;

	ring[TX].avail[0] = 0;
	if (!host_sends(200, 2))
		abort();
	post_tx(TX, 100, 3);
	rig.dev->ops->kick(rig.dev, TX);
	told_of_sent = rig.interrupts[TX];
	ring[TX].avail[0] = takes_back; /* VIRTQ_AVAIL_F_NO_INTERRUPT */
}

/* A driver that is told of an answer takes back what it sent by itself, most often. */
static void
answered(void)
{
	bool takes_back = true;

	open_tap(1, IFF_VNET_HDR, NET_F_MRG_RXBUF);
	for (unsigned i = 0; i < 10; i++)
		rig_post_rx(RX, 2048);
	rig_kick(RX);
	rig.interrupts[RX] = rig.interrupts[TX] = 0;
	post_tx(TX, 100, 1);
	rig_kick(TX);
	ok(host_receives(100, 1) && rig.interrupts[TX] == 1, "without an answer the driver is told of what was sent at once");
	iothread_call(rig.dev->io, send_answered, &takes_back);
	ok(rig_used(TX) == 2 && rig_used(RX) == 1 && rig.interrupts[RX] == 1 && told_of_sent == 1,
	    "with one it is told of the answer, in the same turn");
	ok(rig_until(!rig.net->pairs[0].tx_owed) && rig.interrupts[TX] == 1, "and of nothing else when it does not want to be");
	takes_back = false;
	iothread_call(rig.dev->io, send_answered, &takes_back);
	ok(told_of_sent == 1 && rig_until(rig.interrupts[TX] == 2), "of what was sent a little later, when it still does");
	close_tap();
}

static bool
attached(int fd)
{
	struct ifreq ifr;

	return ioctl(fd, TUNGETIFF, &ifr) == 0 && !(ifr.ifr_flags & IFF_DETACH_QUEUE);
}

static void
queues(void)
{
	uint8_t cmd[] = {4, 0, 2, 0}, *ack;

	open_tap(QUEUES, IFF_VNET_HDR, NET_F_MRG_RXBUF | NET_F_CTRL_VQ | NET_F_MQ);
	ok(attached(fds[0]) && !attached(fds[1]), "only the first queue is attached at first");
	for (unsigned pairs = 2; pairs <= 4; pairs++) {
		cmd[2] = (uint8_t)pairs;
		memcpy(rig_buffer(CTRLQ, sizeof(cmd), 1), cmd, sizeof(cmd));
		ack = rig_buffer(CTRLQ, 1, 2);
		*ack = 0xff;
		rig_avail(CTRLQ, 2);
		rig_kick(CTRLQ);
		if (pairs <= QUEUES)
			ok(*ack == 0 && attached(fds[pairs - 1]), "the driver asks for one more and gets it");
		else
			ok(*ack == 1, "but not for more than there are");
	}
	post_tx(5, 90, 7);
	rig_kick(5);
	ok(host_receives(90, 7), "the last one sends");
	rig_stop();
	ok(attached(fds[0]) && !attached(fds[1]) && !attached(fds[2]), "after a reset only the first is attached");
	fds[1] = dup(fds[1]);
	close_tap();
	ok(attached(fds[1]), "and in the end all, as they came");
	close(fds[1]);
}

static void
ends(void)
{
	uint8_t *bad;
	struct net_stats s;

	open_tap(1, IFF_VNET_HDR, NET_F_MRG_RXBUF);
	bad = post_tx(TX, 100, 1);
	bad[0] = 1;	/* a checksum to fill in ... */
	bad[6] = 0xff;	/* ... far behind the end */
	bad[7] = 0xff;
	post_tx(TX, 101, 2);
	rig_kick(TX);
	net_get_stats(rig.net, &s);
	ok(rig_used(TX) == 2 && host_receives(101, 2) && s.tx_drops == 1, "a header that makes no sense loses its frame only");
	close_tap();
}

int
main(void)
{
	int fd = -1;

	diag_init("net_tap", 1);
	if (enter_namespace())
		fd = open_queue(0);
	if (fd < 0) {
		puts("1..0 # SKIP no tap may be made here");
		return 0;
	}
	close(fd);
	both_ways(IFF_VNET_HDR, "with vnet header");
	both_ways(0, "without");
	large();
	answered();
	queues();
	ends();
	return done_testing();
}

/* SPDX-License-Identifier: ISC */
/* The network device on sockets of messages: pairs, and multicast groups. */
/* links: kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c kvm-run/iothread.c kvm-run/mem.c */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "common/diag.h"
#include "tests/unit/group.h"
#include "tests/unit/netwire.h"

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

int
main(void)
{
	diag_init("net_packet", 1);
	signal(SIGPIPE, SIG_IGN);
	packets();
	packets_full();
	multicast();
	flooded();
	return done_testing();
}

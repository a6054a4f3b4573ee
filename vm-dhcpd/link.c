/* SPDX-License-Identifier: ISC */
/* Frames and datagrams of the server; the contracts are in link.h. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/util.h"
#include "vm-dhcpd/link.h"

#define RECEIVE_BUFFER (4 << 20) /* what comes while leases are written to the disk waits here */
#define FRAME_DATA 1500		 /* no message that concerns us is larger, whatever the link takes */
#define LOOK_MS 500		 /* whether an interface that is down is still there */
#define ROUNDS 4		 /* of CABLE_BATCH packets, before they are answered */

/*
 * Only what is for us wakes us: ARP replies, replies to our pings, UDP to port 67; none of a VLAN, which is another network.
 * The constants are offsets in a frame; see ipv4.c.
 */
static void
attach_filter(int fd, uint16_t echo_id)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 16),
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_ARP, 0, 2),
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 2, 11, 12),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 11),
	    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 9, 0),
	    BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
	    BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 2),
	    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PORT_SERVER, 3, 4),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMP, 0, 3),
	    BPF_STMT(BPF_LD | BPF_H | BPF_IND, 18),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, echo_id, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	    BPF_STMT(BPF_RET | BPF_K, 0),
	};
	const struct sock_fprog filter = {ARRAY_LEN(code), code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0)
		die_sys("packet filter");
}

static int
open_packets(const struct iface *f, uint16_t echo_id)
{
	const struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)f->index};
	static const int on = 1, size = RECEIVE_BUFFER;
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0); /* nothing comes before it is bound */

	if (fd < 0)
		die_sys("packets of %s", f->name);
	attach_filter(fd, echo_id);
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)); /* since Linux 4.20; else the filter does */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		die_sys("packets of %s", f->name);
	return fd;
}

/*
 * The kernel's own port 67 on this interface. Nothing is read from it, but the kernel knows that somebody is there. It
 * can be shared with servers of other interfaces that are not bound to theirs.
 */
static void
take_port(const struct iface *f)
{
	const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT_SERVER)};
	struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	const struct sock_fprog filter = {ARRAY_LEN(nothing), nothing};
	static const int on = 1;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, f->name, (socklen_t)strlen(f->name)) < 0)
		die_sys("port %d of %s", PORT_SERVER, f->name);
	if (!bind(fd, (const struct sockaddr *)&at, sizeof(at)))
		return;
	if (errno != EADDRINUSE)
		die_sys("port %d of %s", PORT_SERVER, f->name);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		die_sys("port %d of %s: another DHCP server has it", PORT_SERVER, f->name);
	warn("another DHCP server has port %d too: see that it does not serve %s", PORT_SERVER, f->name);
}

/* An interface may get another MAC while it lives, a bridge for one; and it may vanish. False: it did. */
static bool
look_at_iface(struct link *l)
{
	struct sockaddr_ll at = {0};
	socklen_t len = sizeof(at);

	if (getsockname(l->cable.fd, (struct sockaddr *)&at, &len) < 0 || at.sll_ifindex != (int)l->ifindex)
		return false;
	memcpy(l->own.mac, at.sll_addr, 6);
	return true;
}

static void
look_again(struct timer *t)
{
	struct link *l = container_of(t, struct link, look);

	if (!look_at_iface(l))
		l->gone(l);
	else
		timer_set(t, timer_now() + LOOK_MS);
}

void
link_open_iface(struct link *l, const struct iface *f, struct loop *loop)
{
	int err;

	const char *why;

	*l = (struct link){.iface = true, .ifindex = f->index, .echo_id = (uint16_t)getpid()};
	memcpy(l->own.mac, f->mac, 6);
	why = cable_open(&l->cable, open_packets(f, l->echo_id), FRAME_DATA);
	if (why)
		die("packets of %s: %s", f->name, why);
	take_port(f);
	err = timer_init(&l->look, loop, look_again);
	if (err)
		die("timer: %s", strerror(-err));
}

static bool
is_dhcp_port(int fd)
{
	struct sockaddr_in at = {0};
	socklen_t len = sizeof(at), size = sizeof(int);
	int type;

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) && type == SOCK_DGRAM &&
	       !getsockname(fd, (struct sockaddr *)&at, &len) && at.sin_family == AF_INET && at.sin_port == htons(PORT_SERVER);
}

void
link_open_fd(struct link *l, int fd)
{
	static const uint8_t mac[6] = {0x52, 0x55, 0x0a, 0, 0, 0x43}; /* locally administered: nobody's card */
	static const int on = 1;
	const char *why;

	*l = (struct link){.udp = is_dhcp_port(fd), .echo_id = (uint16_t)getpid()};
	memcpy(l->own.mac, mac, 6);
	if (l->udp) {
		if (!fd_set_nonblock(fd, true) || setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on)) < 0)
			die_sys("fd %d", fd);
		l->cable.fd = fd;
		return;
	}
	why = cable_open(&l->cable, fd, FRAME_DATA);
	if (why)
		die("fd %d: %s", fd, why);
}

/* On a wire nobody else answers for our address. */
static void
answer_arp(struct link *l, const struct packet *p)
{
	struct station to = {.addr = p->src};
	uint8_t frame[ARP_SIZE];

	if (p->dst.s_addr != l->own.addr.s_addr)
		return;
	memcpy(to.mac, p->mac, 6);
	cable_send(&l->cable, frame, arp_reply_frame(frame, &l->own, &to));
}

static void
frame_arrived(void *arg, uint8_t *frame, size_t len)
{
	struct link *l = arg;
	struct packet p;

	l->frames++;
	packet_parse(&p, frame, len);
	if (p.kind == PACKET_ARP_REQUEST && !l->iface)
		answer_arp(l, &p);
	else if ((p.kind == PACKET_UDP && p.dport == PORT_SERVER) || p.kind == PACKET_ARP_REPLY ||
		 (p.kind == PACKET_ECHO_REPLY && p.dport == l->echo_id))
		l->arrived(l, &p);
}

/* One datagram. False when there is none. */
static bool
receive_datagram(struct link *l)
{
	static const uint8_t unknown[6];
	static uint8_t buf[2048];
	struct sockaddr_in from = {0};
	socklen_t size = sizeof(from);
	struct packet p = {.kind = PACKET_UDP, .mac = unknown, .dport = PORT_SERVER, .data = buf};
	ssize_t n = recvfrom(l->cable.fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &size);

	if (n < 0)
		return false;
	p.src = from.sin_addr;
	p.sport = ntohs(from.sin_port);
	p.len = (size_t)n;
	l->arrived(l, &p);
	return true;
}

/* About ROUNDS * CABLE_BATCH packets, or what there is. False: the other end is gone. */
static bool
receive(struct link *l)
{
	for (int i = 0; i < ROUNDS * CABLE_BATCH && l->udp; i++)
		if (!receive_datagram(l))
			break;
	for (int i = 0; i < ROUNDS && !l->udp; i++) {
		l->frames = 0;
		if (!cable_receive(&l->cable, frame_arrived, l))
			return false;
		if (l->frames < CABLE_BATCH)
			break;
	}
	return true;
}

static void
readable(struct watch *w, uint32_t events)
{
	struct link *l = container_of(w, struct link, watch);
	bool here = (!l->iface || look_at_iface(l)) && receive(l);

	/* An interface that goes down may be about to vanish, of which nothing is said to who heard that it is down. */
	if (l->iface)
		timer_set(&l->look, events & EPOLLERR ? timer_now() + LOOK_MS : TIMER_NEVER);
	l->idle(l);
	if (!here || l->cable.gone)
		l->gone(l);
}

void
link_start(struct link *l, struct loop *loop)
{
	int err;

	l->watch.fd = l->cable.fd;
	l->watch.handler = readable;
	err = loop_watch(loop, &l->watch, EPOLLIN);
	if (err)
		die("packets: %s", strerror(-err));
}

void
link_close(struct link *l)
{
	loop_unwatch(&l->watch);
	if (l->iface) {
		timer_done(&l->look);
		close(l->cable.fd);
	}
	if (!l->udp)
		cable_close(&l->cable);
}

/* Of a socket that is bound to no interface the kernel does not know where all are; it does where all of a network are. */
static void
send_datagram(const struct link *l, const uint8_t *bytes, size_t len, struct sockaddr_in at)
{
	int fd = l->cable.fd;

	if (sendto(fd, bytes, len, MSG_DONTWAIT, (const struct sockaddr *)&at, sizeof(at)) >= 0)
		return;
	if (errno == ENETUNREACH && at.sin_addr.s_addr == INADDR_BROADCAST) {
		at.sin_addr = l->broadcast;
		if (sendto(fd, bytes, len, MSG_DONTWAIT, (const struct sockaddr *)&at, sizeof(at)) >= 0)
			return;
	}
	note(1, "an answer was not sent: %s", strerror(errno));
}

void
link_send(struct link *l, uint8_t *buf, size_t len, const struct station *to, uint16_t port)
{
	if (l->udp)
		send_datagram(l, buf + IPV4_HEAD, len,
		    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = to->addr, .sin_port = htons(port)});
	else
		cable_send(&l->cable, buf, udp_frame(buf, len, &l->own, to, PORT_SERVER, port));
}

bool
link_probe(struct link *l, struct in_addr addr, const uint8_t *mac)
{
	uint8_t frame[ARP_SIZE > ECHO_SIZE ? ARP_SIZE : ECHO_SIZE];
	struct station to = {.addr = addr};

	if (l->udp)
		return false;
	if (!mac) {
		cable_send(&l->cable, frame, arp_probe_frame(frame, l->own.mac, addr));
		return true;
	}
	memcpy(to.mac, mac, 6);
	cable_send(&l->cable, frame, echo_frame(frame, &l->own, &to, l->echo_id));
	return true;
}

void
link_flush(struct link *l)
{
	if (!l->udp)
		cable_flush(&l->cable);
}

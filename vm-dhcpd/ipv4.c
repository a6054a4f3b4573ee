/* SPDX-License-Identifier: ISC */
/* Frames of IPv4 (RFC 791), UDP (RFC 768), ARP (RFC 826) and ICMP (RFC 792); the contracts are in ipv4.h. */
#include <net/ethernet.h>
#include <string.h>

#include "common/bytes.h"
#include "common/segment.h"
#include "vm-dhcpd/ipv4.h"

#define IP 14 /* where it begins in a frame */
#define IP_HEAD 20
#define UDP_HEAD 8
#define TTL 64
#define DONT_FRAGMENT 0x4000

static void
parse_arp(struct packet *p, const uint8_t *a, size_t len)
{
	/* Ethernet, IPv4, and lengths of 6 and 4. */
	static const uint8_t kind[6] = {0, 1, 8, 0, 6, 4};

	if (len < 28 || memcmp(a, kind, sizeof(kind)))
		return;
	memcpy(&p->src, a + 14, 4);
	memcpy(&p->dst, a + 24, 4);
	if (get_be16(a + 6) == 1)
		p->kind = PACKET_ARP_REQUEST;
	else if (get_be16(a + 6) == 2)
		p->kind = PACKET_ARP_REPLY;
}

static void
parse_udp(struct packet *p, const uint8_t *udp, size_t len)
{
	if (len < UDP_HEAD || get_be16(udp + 4) < UDP_HEAD || get_be16(udp + 4) > len)
		return;
	p->sport = get_be16(udp);
	p->dport = get_be16(udp + 2);
	p->data = udp + UDP_HEAD;
	p->len = get_be16(udp + 4) - UDP_HEAD;
	p->kind = PACKET_UDP;
}

static void
parse_ip(struct packet *p, const uint8_t *ip, size_t len)
{
	size_t head, total;

	if (len < IP_HEAD || ip[0] >> 4 != 4)
		return;
	head = (size_t)(ip[0] & 15) * 4;
	total = get_be16(ip + 2);
	/* Fragments are nobody's DHCP: what a client sends fits any link. */
	if (head < IP_HEAD || total < head || total > len || (get_be16(ip + 6) & 0x3fff) || segment_fold(segment_sum(ip, head, 0)) != 0xffff)
		return;
	memcpy(&p->src, ip + 12, 4);
	memcpy(&p->dst, ip + 16, 4);
	if (ip[9] == IPPROTO_UDP) {
		parse_udp(p, ip + head, total - head);
	} else if (ip[9] == IPPROTO_ICMP && total - head >= 8 && ip[head] == 0) {
		p->dport = get_be16(ip + head + 4);
		p->kind = PACKET_ECHO_REPLY;
	}
}

void
packet_parse(struct packet *p, const uint8_t *frame, size_t len)
{
	*p = (struct packet){.kind = PACKET_OTHER};
	if (len < IP)
		return;
	p->mac = frame + 6;
	if (get_be16(frame + 12) == ETHERTYPE_IP)
		parse_ip(p, frame + IP, len - IP);
	else if (get_be16(frame + 12) == ETHERTYPE_ARP)
		parse_arp(p, frame + IP, len - IP);
}

static uint8_t *
ether(uint8_t *frame, const uint8_t to[6], const uint8_t from[6], unsigned type)
{
	memcpy(frame, to, 6);
	memcpy(frame + 6, from, 6);
	put_be16(frame + 12, type);
	return frame + IP;
}

static void
checksum(uint8_t *field, uint64_t sum)
{
	uint16_t folded = (uint16_t)~segment_fold(sum);

	memcpy(field, &folded, 2);
}

/* The header, for len bytes behind it, which it returns. */
static uint8_t *
ip_head(uint8_t *frame, size_t len, const struct station *from, const struct station *to, uint8_t protocol)
{
	uint8_t *ip = ether(frame, to->mac, from->mac, ETHERTYPE_IP);

	memset(ip, 0, IP_HEAD);
	ip[0] = 4 << 4 | IP_HEAD / 4;
	put_be16(ip + 2, (unsigned)(IP_HEAD + len));
	put_be16(ip + 6, DONT_FRAGMENT);
	ip[8] = TTL;
	ip[9] = protocol;
	memcpy(ip + 12, &from->addr, 4);
	memcpy(ip + 16, &to->addr, 4);
	checksum(ip + 10, segment_sum(ip, IP_HEAD, 0));
	return ip + IP_HEAD;
}

size_t
udp_frame(uint8_t *frame, size_t len, const struct station *from, const struct station *to, uint16_t sport, uint16_t dport)
{
	uint8_t *udp = ip_head(frame, UDP_HEAD + len, from, to, IPPROTO_UDP);

	put_be16(udp, sport);
	put_be16(udp + 2, dport);
	put_be16(udp + 4, (unsigned)(UDP_HEAD + len));
	put_be16(udp + 6, 0);
	/* The pseudo header: addresses, protocol, length. A sum of zero would mean that there is none. */
	checksum(udp + 6, segment_sum(udp - 8, 8 + UDP_HEAD + len, htons(IPPROTO_UDP) + htons((uint16_t)(UDP_HEAD + len))));
	if (!udp[6] && !udp[7])
		put_be16(udp + 6, 0xffff);
	return IPV4_HEAD + len;
}

static size_t
arp_frame(uint8_t *frame, unsigned op, const uint8_t to[6], const struct station *sender, const struct station *target)
{
	uint8_t *arp = ether(frame, to, sender->mac, ETHERTYPE_ARP);

	put_be16(arp, 1);
	put_be16(arp + 2, ETHERTYPE_IP);
	arp[4] = 6;
	arp[5] = 4;
	put_be16(arp + 6, op);
	memcpy(arp + 8, sender->mac, 6);
	memcpy(arp + 14, &sender->addr, 4);
	memcpy(arp + 18, target->mac, 6);
	memcpy(arp + 24, &target->addr, 4);
	return ARP_SIZE;
}

size_t
arp_probe_frame(uint8_t *frame, const uint8_t mac[6], struct in_addr addr)
{
	static const uint8_t all[6] = {255, 255, 255, 255, 255, 255};
	struct station sender = {0}, target = {.addr = addr};

	memcpy(sender.mac, mac, 6);
	return arp_frame(frame, 1, all, &sender, &target);
}

size_t
arp_reply_frame(uint8_t *frame, const struct station *from, const struct station *to)
{
	return arp_frame(frame, 2, to->mac, from, to);
}

size_t
echo_frame(uint8_t *frame, const struct station *from, const struct station *to, uint16_t id)
{
	uint8_t *icmp = ip_head(frame, 8, from, to, IPPROTO_ICMP);

	memset(icmp, 0, 8);
	icmp[0] = 8;
	put_be16(icmp + 4, id);
	checksum(icmp + 2, segment_sum(icmp, 8, 0));
	return ECHO_SIZE;
}

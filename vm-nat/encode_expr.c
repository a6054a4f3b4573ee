/* SPDX-License-Identifier: ISC */
/* The expressions of a rule as those of nf_tables; what they are for is in encode.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/tcp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <string.h>

#include "common/nft_message.h"
#include "vm-nat/encode.h"

#define TCP_FLAGS_OFFSET 13 /* RFC 9293, 3.1 */
#define DPORT_OFFSET 2

/* An expression whose attributes are numbers, given in pairs of type and value and ended by a type of 0. */
#define put_numbers(m, name, ...) put_number_list((m), (name), (const uint32_t[]){ __VA_ARGS__, 0 })

static void
put_number_list(struct nl_msg *m, const char *name, const uint32_t *pairs)
{
	struct nft_expression n = nft_open(m, name);

	for (; *pairs; pairs += 2)
		nft_put32(m, (int)pairs[0], pairs[1]);
	nft_close(m, n);
}

static void
put_mask(struct nl_msg *m, const void *mask, size_t len)
{
	static const uint8_t zero[16];
	struct nft_expression n = nft_open(m, "bitwise");

	nft_put32(m, NFTA_BITWISE_SREG, NFT_REG_1);
	nft_put32(m, NFTA_BITWISE_DREG, NFT_REG_1);
	nft_put32(m, NFTA_BITWISE_LEN, (uint32_t)len);
	nft_put_value(m, NFTA_BITWISE_MASK, mask, len);
	nft_put_value(m, NFTA_BITWISE_XOR, zero, len);
	nft_close(m, n);
}

static void
put_immediate(struct nl_msg *m, uint32_t reg, const void *data, size_t len)
{
	struct nft_expression n = nft_open(m, "immediate");

	nft_put32(m, NFTA_IMMEDIATE_DREG, reg);
	nft_put_value(m, NFTA_IMMEDIATE_DATA, data, len);
	nft_close(m, n);
}

static void
put_payload(struct nl_msg *m, uint32_t reg, uint32_t base, uint32_t offset, uint32_t len)
{
	put_numbers(m, "payload", NFTA_PAYLOAD_DREG, reg, NFTA_PAYLOAD_BASE, base, NFTA_PAYLOAD_OFFSET, offset, NFTA_PAYLOAD_LEN, len);
}

static void
need_family(struct nl_msg *m, struct known *k, int family)
{
	uint8_t value = family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4;

	if (k->family == family)
		return;
	k->family = family;
	nft_put_load_meta(m, NFT_META_NFPROTO);
	nft_put_compare(m, NFT_CMP_EQ, &value, 1);
}

static void
need_proto(struct nl_msg *m, struct known *k, int proto)
{
	uint8_t value = (uint8_t)proto;

	if (k->proto == proto)
		return;
	k->proto = proto;
	nft_put_load_meta(m, NFT_META_L4PROTO);
	nft_put_compare(m, NFT_CMP_EQ, &value, 1);
}

static void
put_name_match(struct nl_msg *m, uint32_t key, const struct expr *e)
{
	nft_put_interface(m, key, e->negated ? NFT_CMP_NEQ : NFT_CMP_EQ, e->text);
}

/* A length of whole bytes is a comparison of those; else the whole is masked. */
static void
put_address_match(struct nl_msg *m, struct known *k, const struct expr *e)
{
	bool v6 = e->addr.family == AF_INET6, source = e->kind == EXPR_SADDR;
	uint32_t offset = v6 ? (source ? 8 : 24) : (source ? 12 : 16);
	uint32_t bytes = e->addr.len % 8 ? prefix_bits(&e->addr) / 8 : e->addr.len / 8;
	uint8_t mask[16];

	need_family(m, k, e->addr.family);
	put_payload(m, NFT_REG_1, NFT_PAYLOAD_NETWORK_HEADER, offset, bytes);
	if (e->addr.len % 8) {
		prefix_mask(&e->addr, mask);
		put_mask(m, mask, bytes);
	}
	nft_put_compare(m, e->negated ? NFT_CMP_NEQ : NFT_CMP_EQ, e->addr.addr, bytes);
}

static void
put_port_match(struct nl_msg *m, struct known *k, const struct ports *p)
{
	uint16_t lo = htons(p->lo), hi = htons(p->hi);

	need_proto(m, k, p->proto);
	put_payload(m, NFT_REG_1, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET, sizeof(lo));
	if (lo == hi) {
		nft_put_compare(m, NFT_CMP_EQ, &lo, sizeof(lo));
		return;
	}
	nft_put_compare(m, NFT_CMP_GTE, &lo, sizeof(lo));
	nft_put_compare(m, NFT_CMP_LTE, &hi, sizeof(hi));
}

/* One of the bits is set. */
static void
put_any_bit(struct nl_msg *m, const void *bits, size_t len)
{
	static const uint8_t zero[4];

	put_mask(m, bits, len);
	nft_put_compare(m, NFT_CMP_NEQ, zero, len);
}

static void
put_ct(struct nl_msg *m, uint32_t key, int bits)
{
	uint32_t value = (uint32_t)bits;

	put_numbers(m, "ct", NFTA_CT_DREG, NFT_REG_1, NFTA_CT_KEY, key);
	put_any_bit(m, &value, sizeof(value));
}

static void
put_local(struct nl_msg *m)
{
	static const uint32_t local = RTN_LOCAL;

	put_numbers(m, "fib", NFTA_FIB_DREG, NFT_REG_1, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nft_put_compare(m, NFT_CMP_EQ, &local, sizeof(local));
}

static void
put_clamp(struct nl_msg *m)
{
	struct nft_expression n;

	put_numbers(m, "rt", NFTA_RT_DREG, NFT_REG_1, NFTA_RT_KEY, NFT_RT_TCPMSS);
	put_numbers(m, "byteorder", NFTA_BYTEORDER_SREG, NFT_REG_1, NFTA_BYTEORDER_DREG, NFT_REG_1, NFTA_BYTEORDER_OP,
	    NFT_BYTEORDER_HTON, NFTA_BYTEORDER_LEN, 2, NFTA_BYTEORDER_SIZE, 2);
	n = nft_open(m, "exthdr");
	nla_put_u8(m, NFTA_EXTHDR_TYPE, TCPOPT_MAXSEG);
	nft_put32(m, NFTA_EXTHDR_OFFSET, 2);
	nft_put32(m, NFTA_EXTHDR_LEN, 2);
	nft_put32(m, NFTA_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
	nft_put32(m, NFTA_EXTHDR_SREG, NFT_REG_1);
	nft_close(m, n);
}

/* Ports into registers 2 and 3; returns the register of the higher. */
static uint32_t
put_nat_ports(struct nl_msg *m, const struct ports *p, uint32_t set)
{
	uint16_t lo = htons(p->lo), hi = htons(p->hi);
	struct nft_expression n;

	if (p->from) {
		put_payload(m, NFT_REG_2, NFT_PAYLOAD_TRANSPORT_HEADER, DPORT_OFFSET, sizeof(lo));
		n = nft_open(m, "lookup");
		nla_put_string(m, NFTA_LOOKUP_SET, ENCODE_MAP_NAME);
		nft_put32(m, NFTA_LOOKUP_SET_ID, set);
		nft_put32(m, NFTA_LOOKUP_SREG, NFT_REG_2);
		nft_put32(m, NFTA_LOOKUP_DREG, NFT_REG_2);
		nft_close(m, n);
		return NFT_REG_2;
	}
	put_immediate(m, NFT_REG_2, &lo, sizeof(lo));
	if (lo == hi)
		return NFT_REG_2;
	put_immediate(m, NFT_REG_3, &hi, sizeof(hi));
	return NFT_REG_3;
}

static void
put_nat(struct nl_msg *m, const struct expr *e, uint32_t set)
{
	uint32_t high = 0;
	struct nft_expression n;

	put_immediate(m, NFT_REG_1, e->addr.addr, prefix_bits(&e->addr) / 8);
	if (e->ports.lo)
		high = put_nat_ports(m, &e->ports, set);
	n = nft_open(m, "nat");
	nft_put32(m, NFTA_NAT_TYPE, e->kind == EXPR_SNAT ? NFT_NAT_SNAT : NFT_NAT_DNAT);
	nft_put32(m, NFTA_NAT_FAMILY, e->addr.family == AF_INET6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nft_put32(m, NFTA_NAT_REG_ADDR_MIN, NFT_REG_1);
	nft_put32(m, NFTA_NAT_REG_ADDR_MAX, NFT_REG_1);
	if (high) {
		nft_put32(m, NFTA_NAT_REG_PROTO_MIN, NFT_REG_2);
		nft_put32(m, NFTA_NAT_REG_PROTO_MAX, high);
	}
	nft_put32(m, NFTA_NAT_FLAGS, NF_NAT_RANGE_MAP_IPS | (high ? NF_NAT_RANGE_PROTO_SPECIFIED : 0));
	nft_close(m, n);
}

static void
put_masquerade(struct nl_msg *m, const struct expr *e)
{
	uint32_t high = 0;
	struct nft_expression n;

	if (e->ports.lo)
		high = put_nat_ports(m, &e->ports, 0);
	n = nft_open(m, "masq");
	if (high) {
		nft_put32(m, NFTA_MASQ_REG_PROTO_MIN, NFT_REG_2);
		nft_put32(m, NFTA_MASQ_REG_PROTO_MAX, high);
		nft_put32(m, NFTA_MASQ_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
	}
	nft_close(m, n);
}

static void
put_reject(struct nl_msg *m)
{
	struct nft_expression n = nft_open(m, "reject");

	nft_put32(m, NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
	nla_put_u8(m, NFTA_REJECT_ICMP_CODE, NFT_REJECT_ICMPX_PORT_UNREACH);
	nft_close(m, n);
}

static void
put_syn(struct nl_msg *m, struct known *k)
{
	static const uint8_t syn = TH_SYN;

	need_proto(m, k, IPPROTO_TCP);
	put_payload(m, NFT_REG_1, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS_OFFSET, sizeof(syn));
	put_any_bit(m, &syn, sizeof(syn));
}

void
encode_expr(struct nl_msg *m, struct known *k, const struct expr *e, uint32_t set)
{
	switch (e->kind) {
	case EXPR_NONE:
	case EXPR_COMMENT: break;
	case EXPR_IIF: put_name_match(m, NFT_META_IIFNAME, e); break;
	case EXPR_OIF: put_name_match(m, NFT_META_OIFNAME, e); break;
	case EXPR_BRIDGE: put_name_match(m, NFT_META_BRI_IIFNAME, e); break;
	case EXPR_FAMILY: need_family(m, k, e->number); break;
	case EXPR_SADDR:
	case EXPR_DADDR: put_address_match(m, k, e); break;
	case EXPR_PROTO: need_proto(m, k, e->number); break;
	case EXPR_DPORT: put_port_match(m, k, &e->ports); break;
	case EXPR_LOCAL: put_local(m); break;
	case EXPR_CT_STATE: put_ct(m, NFT_CT_STATE, e->number); break;
	case EXPR_CT_STATUS: put_ct(m, NFT_CT_STATUS, e->number); break;
	case EXPR_SYN: put_syn(m, k); break;
	case EXPR_COUNTER: nft_close(m, nft_open(m, "counter")); break;
	case EXPR_CLAMP: put_clamp(m); break;
	case EXPR_MASQUERADE: put_masquerade(m, e); break;
	case EXPR_SNAT:
	case EXPR_DNAT: put_nat(m, e, set); break;
	case EXPR_VERDICT: nft_put_verdict(m, e->number, NULL); break;
	case EXPR_JUMP: nft_put_verdict(m, NFT_JUMP, e->text); break;
	case EXPR_REJECT: put_reject(m); break;
	}
}

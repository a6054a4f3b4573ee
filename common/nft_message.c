/* SPDX-License-Identifier: ISC */
/* Messages of nf_tables; the contracts are in nft_message.h. */
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/nft_message.h"

#define UDATA_COMMENT 0 /* user data is a row of (type, length, value); this type is a comment, whose length counts its NUL */

static void
add_fence(struct netlink_batch *b, int type, const uint32_t *generation)
{
	struct nfgenmsg head = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };
	struct nl_msg *m = netlink_add(b, type, 0, &head, sizeof(head), "nftables");

	if (generation)
		nft_put32(m, NFNL_BATCH_GENID, *generation);
}

void
nft_begin(struct netlink_batch *b, const uint32_t *generation)
{
	add_fence(b, NFNL_MSG_BATCH_BEGIN, generation);
}

void
nft_end(struct netlink_batch *b)
{
	add_fence(b, NFNL_MSG_BATCH_END, NULL);
}

struct nl_msg *
nft_add(struct netlink_batch *b, int type, int flags, int family, const char *what, ...)
{
	struct nfgenmsg head = { .nfgen_family = (uint8_t)family, .version = NFNETLINK_V0 };
	char text[64];
	va_list ap;

	va_start(ap, what);
	vsnprintf(text, sizeof(text), what, ap);
	va_end(ap);
	return netlink_add(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags, &head, sizeof(head), "%s", text);
}

void
nft_put32(struct nl_msg *m, int attr, uint32_t value)
{
	nla_put_u32(m, attr, htonl(value));
}

struct nft_expression
nft_open(struct nl_msg *m, const char *name)
{
	struct nft_expression e = { .element = nla_nest_start(m, NFTA_LIST_ELEM) };

	nla_put_string(m, NFTA_EXPR_NAME, name);
	e.data = nla_nest_start(m, NFTA_EXPR_DATA);
	return e;
}

void
nft_close(struct nl_msg *m, struct nft_expression e)
{
	nla_nest_end(m, e.data);
	nla_nest_end(m, e.element);
}

void
nft_put_value(struct nl_msg *m, int attr, const void *data, size_t len)
{
	struct nlattr *n = nla_nest_start(m, attr);

	nla_put(m, NFTA_DATA_VALUE, (int)len, data);
	nla_nest_end(m, n);
}

void
nft_put_compare(struct nl_msg *m, int op, const void *data, size_t len)
{
	struct nft_expression e = nft_open(m, "cmp");

	nft_put32(m, NFTA_CMP_SREG, NFT_REG_1);
	nft_put32(m, NFTA_CMP_OP, (uint32_t)op);
	nft_put_value(m, NFTA_CMP_DATA, data, len);
	nft_close(m, e);
}

void
nft_put_load_meta(struct nl_msg *m, uint32_t key)
{
	struct nft_expression e = nft_open(m, "meta");

	nft_put32(m, NFTA_META_KEY, key);
	nft_put32(m, NFTA_META_DREG, NFT_REG_1);
	nft_close(m, e);
}

/* As both nft and iptables-nft write it. */
void
nft_put_interface(struct nl_msg *m, uint32_t key, int op, const char *name)
{
	char padded[IFNAMSIZ] = { 0 };

	memcpy(padded, name, strnlen(name, sizeof(padded) - 1));
	nft_put_load_meta(m, key);
	nft_put_compare(m, op, padded, sizeof(padded));
}

void
nft_put_verdict(struct nl_msg *m, int code, const char *chain)
{
	struct nft_expression e = nft_open(m, "immediate");
	struct nlattr *data, *verdict;

	nft_put32(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nla_nest_start(m, NFTA_IMMEDIATE_DATA);
	verdict = nla_nest_start(m, NFTA_DATA_VERDICT);
	nft_put32(m, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nla_put_string(m, NFTA_VERDICT_CHAIN, chain);
	nla_nest_end(m, verdict);
	nla_nest_end(m, data);
	nft_close(m, e);
}

void
nft_put_comment(struct nl_msg *m, int attr, const char *text)
{
	uint8_t data[2 + NFT_COMMENT_MAX] = { UDATA_COMMENT };
	size_t len = strnlen(text, NFT_COMMENT_MAX - 1);

	data[1] = (uint8_t)(len + 1);
	memcpy(data + 2, text, len);
	nla_put(m, attr, (int)len + 3, data);
}

void
nft_read_comment(struct nlattr *data, char comment[NFT_COMMENT_MAX])
{
	const uint8_t *p = data ? nla_data(data) : NULL;
	size_t len = data ? (size_t)nla_len(data) : 0;

	comment[0] = '\0';
	while (len >= 2 && len - 2 >= p[1]) {
		if (p[0] == UDATA_COMMENT && p[1] && p[1] <= NFT_COMMENT_MAX)
			snprintf(comment, NFT_COMMENT_MAX, "%.*s", p[1], (const char *)p + 2);
		len -= 2U + p[1];
		p += 2U + p[1];
	}
}

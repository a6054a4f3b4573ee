/* SPDX-License-Identifier: ISC */
/* Rules of nftables; the contracts are in nft_rule.h. Numbers in its messages are big-endian. */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_physdev.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "common/nft_rule.h"

#define UDATA_COMMENT 0 /* nft's and iptables-nft's user data are (type, length, value) triples; this type is a comment */

static const char *
text(struct nlattr *a)
{
	return a && nla_len(a) > 0 && !((char *)nla_data(a))[nla_len(a) - 1] ? nla_get_string(a) : "";
}

static uint32_t
number(struct nlattr *a)
{
	return a && nla_len(a) >= 4 ? ntohl(nla_get_u32(a)) : 0;
}

/* One expression's own attributes; those it does not have are NULL. */
static bool
open_nest(struct nlattr *a[], int max, struct nlattr *nest)
{
	return nest && nla_parse_nested(a, max, nest, NULL) >= 0;
}

/* The comparison with a whole name: iptables compares with the NUL and no more, nft with all of the 16 bytes. */
static bool
read_name(char name[IFNAMSIZ], struct nlattr *value)
{
	size_t len = value ? (size_t)nla_len(value) : 0;

	if (!len || len > IFNAMSIZ || !memchr(nla_data(value), '\0', len) || *name)
		return false;
	memcpy(name, nla_data(value), len);
	return true;
}

static bool
read_cmp(struct nft_rule *r, uint32_t key, struct nlattr *data)
{
	struct nlattr *a[NFTA_CMP_MAX + 1], *value[NFTA_DATA_MAX + 1];

	if (!open_nest(a, NFTA_CMP_MAX, data) || number(a[NFTA_CMP_OP]) != NFT_CMP_EQ || !open_nest(value, NFTA_DATA_MAX, a[NFTA_CMP_DATA]))
		return false;
	return key == NFT_META_IIFNAME	 ? read_name(r->in, value[NFTA_DATA_VALUE])
	       : key == NFT_META_OIFNAME ? read_name(r->out, value[NFTA_DATA_VALUE])
					 : false;
}

static uint32_t
read_meta(struct nlattr *data)
{
	struct nlattr *a[NFTA_META_MAX + 1];

	return open_nest(a, NFTA_META_MAX, data) ? number(a[NFTA_META_KEY]) : UINT32_MAX;
}

static bool
read_match(struct nft_rule *r, struct nlattr *data)
{
	struct nlattr *a[NFTA_MATCH_MAX + 1];
	const struct xt_physdev_info *info;

	if (!open_nest(a, NFTA_MATCH_MAX, data))
		return false;
	if (!strcmp(text(a[NFTA_MATCH_NAME]), "comment"))
		return true;
	if (strcmp(text(a[NFTA_MATCH_NAME]), "physdev") || !a[NFTA_MATCH_INFO] || nla_len(a[NFTA_MATCH_INFO]) < (int)sizeof(*info))
		return false;
	info = nla_data(a[NFTA_MATCH_INFO]);
	r->bridged = info->bitmask == XT_PHYSDEV_OP_BRIDGED && !info->invert;
	return r->bridged;
}

static void
read_verdict(struct nft_rule *r, struct nlattr *data)
{
	struct nlattr *a[NFTA_IMMEDIATE_MAX + 1], *value[NFTA_DATA_MAX + 1], *verdict[NFTA_VERDICT_MAX + 1];
	uint32_t code;

	if (!open_nest(a, NFTA_IMMEDIATE_MAX, data) || number(a[NFTA_IMMEDIATE_DREG]) != NFT_REG_VERDICT ||
		!open_nest(value, NFTA_DATA_MAX, a[NFTA_IMMEDIATE_DATA]) || !open_nest(verdict, NFTA_VERDICT_MAX, value[NFTA_DATA_VERDICT]))
		return;
	code = number(verdict[NFTA_VERDICT_CODE]);
	r->verdict = code == NF_ACCEPT ? NFT_ACCEPTS : code == NF_DROP ? NFT_DROPS : NFT_GOES_ON;
}

static bool
is_target(struct nlattr *data, const char *name)
{
	struct nlattr *a[NFTA_TARGET_MAX + 1];

	return open_nest(a, NFTA_TARGET_MAX, data) && !strcmp(text(a[NFTA_TARGET_NAME]), name);
}

/* One expression; key is the last thing that was loaded to be compared. */
static void
read_expression(struct nft_rule *r, uint32_t *key, struct nlattr *element)
{
	struct nlattr *a[NFTA_EXPR_MAX + 1];
	const char *name;

	if (!open_nest(a, NFTA_EXPR_MAX, element))
		return;
	name = text(a[NFTA_EXPR_NAME]);
	if (!strcmp(name, "meta"))
		*key = read_meta(a[NFTA_EXPR_DATA]);
	else if (!strcmp(name, "cmp"))
		r->other |= !read_cmp(r, *key, a[NFTA_EXPR_DATA]);
	else if (!strcmp(name, "match"))
		r->other |= !read_match(r, a[NFTA_EXPR_DATA]);
	else if (!strcmp(name, "immediate"))
		read_verdict(r, a[NFTA_EXPR_DATA]);
	else if (!strcmp(name, "reject") || (!strcmp(name, "target") && is_target(a[NFTA_EXPR_DATA], "REJECT")))
		r->verdict = NFT_DROPS;
	else if (strcmp(name, "counter") && strcmp(name, "log") && strcmp(name, "target"))
		r->other = true;
}

static void
read_tag(struct nft_rule *r, struct nlattr *data)
{
	const uint8_t *p = data ? nla_data(data) : NULL;
	size_t len = data ? (size_t)nla_len(data) : 0;

	while (len >= 2 && len - 2 >= p[1]) {
		if (p[0] == UDATA_COMMENT && p[1] && p[1] <= sizeof(r->tag))
			snprintf(r->tag, sizeof(r->tag), "%.*s", p[1], (const char *)p + 2);
		len -= 2U + p[1];
		p += 2U + p[1];
	}
}

bool
nft_rule_read(struct nlmsghdr *h, struct nft_rule *r)
{
	struct nfgenmsg *head = nlmsg_data(h);
	struct nlattr *a[NFTA_RULE_MAX + 1], *element;
	uint32_t key = UINT32_MAX;
	int left;

	*r = (struct nft_rule){ 0 };
	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) || nlmsg_parse(h, sizeof(*head), a, NFTA_RULE_MAX, NULL) < 0)
		return false;
	r->family = head->nfgen_family;
	if (a[NFTA_RULE_HANDLE])
		r->handle = be64toh(nla_get_u64(a[NFTA_RULE_HANDLE]));
	snprintf(r->table, sizeof(r->table), "%s", text(a[NFTA_RULE_TABLE]));
	snprintf(r->chain, sizeof(r->chain), "%s", text(a[NFTA_RULE_CHAIN]));
	read_tag(r, a[NFTA_RULE_USERDATA]);
	if (a[NFTA_RULE_EXPRESSIONS])
		nla_for_each_nested(element, a[NFTA_RULE_EXPRESSIONS], left)
			read_expression(r, &key, element);
	return true;
}

struct each {
	void (*fn)(const struct nft_rule *r, void *arg);
	void *arg;
};

static int
take_rule(struct nlmsghdr *h, void *arg)
{
	const struct each *e = arg;
	struct nft_rule r;

	if (nft_rule_read(h, &r))
		e->fn(&r, e->arg);
	return 0;
}

int
nft_rules_each(struct netlink *nl, uint8_t family, const char *table, const char *chain, void (*fn)(const struct nft_rule *r, void *arg), void *arg)
{
	struct nfgenmsg head = { .nfgen_family = family, .version = NFNETLINK_V0 };
	struct each e = { fn, arg };
	struct netlink_batch b = { 0 };
	struct nl_msg *m = netlink_add(&b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP, &head, sizeof(head), "nftables");

	if (table)
		nla_put_string(m, NFTA_RULE_TABLE, table);
	if (chain)
		nla_put_string(m, NFTA_RULE_CHAIN, chain);
	return netlink_ask_batch(nl, &b, take_rule, &e);
}

static void
add_fence(struct netlink_batch *b, int type)
{
	struct nfgenmsg head = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	netlink_add(b, type, 0, &head, sizeof(head), "nftables");
}

void
nft_begin(struct netlink_batch *b)
{
	add_fence(b, NFNL_MSG_BATCH_BEGIN);
}

void
nft_end(struct netlink_batch *b)
{
	add_fence(b, NFNL_MSG_BATCH_END);
}

/* A rule's message up to its place: in which table and chain. */
static struct nl_msg *
add_message(struct netlink_batch *b, const struct nft_rule *r, int type, int flags)
{
	struct nfgenmsg head = { .nfgen_family = r->family, .version = NFNETLINK_V0 };
	struct nl_msg *m = netlink_add(b, NFNL_SUBSYS_NFTABLES << 8 | type, flags | NLM_F_ACK, &head, sizeof(head), "%.24s %.24s", r->table, r->chain);

	nla_put_string(m, NFTA_RULE_TABLE, r->table);
	nla_put_string(m, NFTA_RULE_CHAIN, r->chain);
	return m;
}

struct expression {
	struct nlattr *element, *data;
};

static struct expression
begin_expression(struct nl_msg *m, const char *name)
{
	struct expression e = { .element = nla_nest_start(m, NFTA_LIST_ELEM) };

	nla_put_string(m, NFTA_EXPR_NAME, name);
	e.data = nla_nest_start(m, NFTA_EXPR_DATA);
	return e;
}

static void
end_expression(struct nl_msg *m, struct expression e)
{
	nla_nest_end(m, e.data);
	nla_nest_end(m, e.element);
}

static void
put_number(struct nl_msg *m, int attr, uint32_t v)
{
	nla_put_u32(m, attr, htonl(v));
}

/* meta iifname "NAME", as both nft and iptables-nft write it. */
static void
put_name(struct nl_msg *m, uint32_t key, const char *name)
{
	char padded[IFNAMSIZ] = { 0 };
	struct expression e;
	struct nlattr *data;

	if (!*name)
		return;
	memcpy(padded, name, strlen(name));
	e = begin_expression(m, "meta");
	put_number(m, NFTA_META_KEY, key);
	put_number(m, NFTA_META_DREG, NFT_REG_1);
	end_expression(m, e);
	e = begin_expression(m, "cmp");
	put_number(m, NFTA_CMP_SREG, NFT_REG_1);
	put_number(m, NFTA_CMP_OP, NFT_CMP_EQ);
	data = nla_nest_start(m, NFTA_CMP_DATA);
	nla_put(m, NFTA_DATA_VALUE, sizeof(padded), padded);
	nla_nest_end(m, data);
	end_expression(m, e);
}

static void
put_accept(struct nl_msg *m)
{
	struct expression e = begin_expression(m, "immediate");
	struct nlattr *data, *verdict;

	put_number(m, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nla_nest_start(m, NFTA_IMMEDIATE_DATA);
	verdict = nla_nest_start(m, NFTA_DATA_VERDICT);
	put_number(m, NFTA_VERDICT_CODE, NF_ACCEPT);
	nla_nest_end(m, verdict);
	nla_nest_end(m, data);
	end_expression(m, e);
}

static void
put_tag(struct nl_msg *m, const char *tag)
{
	uint8_t udata[2 + NFT_TAG_MAX + 1] = { UDATA_COMMENT };
	size_t len = strnlen(tag, NFT_TAG_MAX);

	udata[1] = (uint8_t)(len + 1);
	memcpy(udata + 2, tag, len);
	nla_put(m, NFTA_RULE_USERDATA, (int)len + 3, udata);
}

void
nft_rule_insert(struct netlink_batch *b, const struct nft_rule *r)
{
	struct nl_msg *m = add_message(b, r, NFT_MSG_NEWRULE, NLM_F_CREATE);
	struct nlattr *list = nla_nest_start(m, NFTA_RULE_EXPRESSIONS);

	put_name(m, NFT_META_IIFNAME, r->in);
	put_name(m, NFT_META_OIFNAME, r->out);
	end_expression(m, begin_expression(m, "counter"));
	put_accept(m);
	nla_nest_end(m, list);
	put_tag(m, r->tag);
}

void
nft_rule_delete(struct netlink_batch *b, const struct nft_rule *r)
{
	struct nl_msg *m = add_message(b, r, NFT_MSG_DELRULE, 0);

	nla_put_u64(m, NFTA_RULE_HANDLE, htobe64(r->handle));
}

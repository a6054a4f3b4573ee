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

/* From a message of a dump of rules. False when it is none. */
static bool
read_rule(struct nlmsghdr *h, struct nft_rule *r)
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
	nft_read_comment(a[NFTA_RULE_USERDATA], r->tag);
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

	if (read_rule(h, &r))
		e->fn(&r, e->arg);
	return 0;
}

int
nft_rules_each(struct netlink *nl, uint8_t family, const char *table, const char *chain, void (*fn)(const struct nft_rule *r, void *arg), void *arg)
{
	struct each e = { fn, arg };
	struct netlink_batch b = { 0 };
	struct nl_msg *m = nft_add(&b, NFT_MSG_GETRULE, NLM_F_DUMP, family, "nftables");

	if (table)
		nla_put_string(m, NFTA_RULE_TABLE, table);
	if (chain)
		nla_put_string(m, NFTA_RULE_CHAIN, chain);
	return netlink_ask_batch(nl, &b, take_rule, &e);
}

/* A rule's message up to its place: in which table and chain. */
static struct nl_msg *
add_message(struct netlink_batch *b, const struct nft_rule *r, int type, int flags)
{
	struct nl_msg *m = nft_add(b, type, flags | NLM_F_ACK, r->family, "%.24s %.24s", r->table, r->chain);

	nla_put_string(m, NFTA_RULE_TABLE, r->table);
	nla_put_string(m, NFTA_RULE_CHAIN, r->chain);
	return m;
}

void
nft_rule_insert(struct netlink_batch *b, const struct nft_rule *r)
{
	struct nl_msg *m = add_message(b, r, NFT_MSG_NEWRULE, NLM_F_CREATE);
	struct nlattr *list = nla_nest_start(m, NFTA_RULE_EXPRESSIONS);

	if (*r->in)
		nft_put_interface(m, NFT_META_IIFNAME, NFT_CMP_EQ, r->in);
	if (*r->out)
		nft_put_interface(m, NFT_META_OIFNAME, NFT_CMP_EQ, r->out);
	nft_close(m, nft_open(m, "counter"));
	nft_put_verdict(m, NF_ACCEPT, NULL);
	nla_nest_end(m, list);
	nft_put_comment(m, NFTA_RULE_USERDATA, r->tag);
}

void
nft_rule_delete(struct netlink_batch *b, const struct nft_rule *r)
{
	struct nl_msg *m = add_message(b, r, NFT_MSG_DELRULE, 0);

	nla_put_u64(m, NFTA_RULE_HANDLE, htobe64(r->handle));
}

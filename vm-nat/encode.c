/* SPDX-License-Identifier: ISC */
/* Tables, their chains, rules and maps as messages of nf_tables, all numbers of whose attributes are big-endian. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>

#include "common/nft_message.h"
#include "vm-nat/encode.h"

#define TYPE_INET_SERVICE 13 /* nft's number for a port, by which it lists a set */

static void
put_element_data(struct nl_msg *m, int type, unsigned port)
{
	uint16_t data = htons((uint16_t)port);

	nft_put_value(m, type, &data, sizeof(data));
}

/* An anonymous map of ports, which exists before the rule that looks into it; elements in messages of bounded size. */
static void
put_map(struct netlink_batch *b, const struct table *t, const struct ports *p, uint32_t set, const char *what)
{
	struct nl_msg *m = nft_add(b, NFT_MSG_NEWSET, NLM_F_CREATE, t->family, "%s", what);
	unsigned count = (unsigned)(p->hi - p->lo) + 1;

	nla_put_string(m, NFTA_SET_TABLE, t->name);
	nla_put_string(m, NFTA_SET_NAME, ENCODE_MAP_NAME);
	nft_put32(m, NFTA_SET_ID, set);
	nft_put32(m, NFTA_SET_FLAGS, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT | NFT_SET_MAP);
	nft_put32(m, NFTA_SET_KEY_TYPE, TYPE_INET_SERVICE);
	nft_put32(m, NFTA_SET_KEY_LEN, sizeof(uint16_t));
	nft_put32(m, NFTA_SET_DATA_TYPE, TYPE_INET_SERVICE);
	nft_put32(m, NFTA_SET_DATA_LEN, sizeof(uint16_t));
	for (unsigned i = 0; i < count;) {
		struct nlattr *list;

		m = nft_add(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, t->family, "%s", what);
		nla_put_string(m, NFTA_SET_ELEM_LIST_TABLE, t->name);
		nla_put_string(m, NFTA_SET_ELEM_LIST_SET, ENCODE_MAP_NAME);
		nft_put32(m, NFTA_SET_ELEM_LIST_SET_ID, set);
		list = nla_nest_start(m, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (unsigned end = i + 64; i < end && i < count; i++) {
			struct nlattr *elem = nla_nest_start(m, NFTA_LIST_ELEM);

			put_element_data(m, NFTA_SET_ELEM_KEY, p->from + i);
			put_element_data(m, NFTA_SET_ELEM_DATA, p->lo + i);
			nla_nest_end(m, elem);
		}
		nla_nest_end(m, list);
	}
}

static void
put_rule(struct netlink_batch *b, const struct table *t, const struct chain *c, size_t index, uint32_t *sets)
{
	const struct rule *r = &c->rules[index];
	struct known known = { 0 };
	const char *comment = NULL;
	struct nlattr *list;
	struct nl_msg *m;
	char what[64];

	for (size_t i = 0; i < r->n; i++)
		if (r->e[i].kind == EXPR_COMMENT)
			comment = r->e[i].text;
	if (comment)
		snprintf(what, sizeof(what), "%s", comment);
	else
		snprintf(what, sizeof(what), "chain %s, rule %zu", c->name, index + 1);
	for (size_t i = 0; i < r->n; i++)
		if (r->e[i].ports.from)
			put_map(b, t, &r->e[i].ports, ++*sets, what);
	m = nft_add(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, t->family, "%s", what);
	nla_put_string(m, NFTA_RULE_TABLE, t->name);
	nla_put_string(m, NFTA_RULE_CHAIN, c->name);
	list = nla_nest_start(m, NFTA_RULE_EXPRESSIONS);
	for (size_t i = 0; i < r->n; i++)
		encode_expr(m, &known, &r->e[i], *sets);
	nla_nest_end(m, list);
	if (comment)
		nft_put_comment(m, NFTA_RULE_USERDATA, comment);
}

static void
put_chain(struct netlink_batch *b, const struct table *t, const struct chain *c)
{
	struct nl_msg *m = nft_add(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, t->family, "chain %s", c->name);
	struct nlattr *hook;

	nla_put_string(m, NFTA_CHAIN_TABLE, t->name);
	nla_put_string(m, NFTA_CHAIN_NAME, c->name);
	if (!c->type)
		return;
	hook = nla_nest_start(m, NFTA_CHAIN_HOOK);
	nft_put32(m, NFTA_HOOK_HOOKNUM, (uint32_t)c->hook);
	nft_put32(m, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	nla_nest_end(m, hook);
	nft_put32(m, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nla_put_string(m, NFTA_CHAIN_TYPE, c->type);
}

static void
put_table(struct netlink_batch *b, const struct table *t, int flags)
{
	struct nl_msg *m = nft_add(b, NFT_MSG_NEWTABLE, NLM_F_CREATE | flags, t->family, "table %s", t->name);

	nla_put_string(m, NFTA_TABLE_NAME, t->name);
	nft_put32(m, NFTA_TABLE_FLAGS, t->owner ? NFT_TABLE_F_OWNER : 0);
	if (t->comment[0])
		nft_put_comment(m, NFTA_TABLE_USERDATA, t->comment);
}

void
table_put_delete(struct netlink_batch *b, int family, const char *name)
{
	nla_put_string(nft_add(b, NFT_MSG_DELTABLE, 0, family, "table %s", name), NFTA_TABLE_NAME, name);
}

void
table_put(struct netlink_batch *b, const struct table *t, bool replace)
{
	uint32_t sets = 0;

	if (replace) {
		put_table(b, t, 0);
		table_put_delete(b, t->family, t->name);
	}
	put_table(b, t, NLM_F_EXCL);
	for (size_t i = 0; i < t->n; i++)
		put_chain(b, t, &t->chains[i]);
	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j < t->chains[i].n; j++)
			put_rule(b, t, &t->chains[i], j, &sets);
}

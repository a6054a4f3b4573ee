/* SPDX-License-Identifier: ISC */
/* Our tables in the kernel; the contracts are in ruleset.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/nft_message.h"
#include "vm-nat/plan.h"
#include "vm-nat/ruleset.h"

static void *
grow(void *v, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return v;
	*room = *room ? 2 * *room : 8;
	v = reallocarray(v, *room, size);
	if (!v)
		die_sys("rules");
	return v;
}

static struct nlattr *
attr(struct nlmsghdr *h, int type)
{
	return nlmsg_find_attr(h, sizeof(struct nfgenmsg), type);
}

/* A text attribute, or the empty one. */
static void
take_text(struct nlattr *a, char *buf, size_t size)
{
	buf[0] = '\0';
	if (a)
		nla_strlcpy(buf, a, size);
}

static int
take_generation(struct nlmsghdr *h, void *arg)
{
	struct nlattr *a = attr(h, NFTA_GEN_ID);

	if (a)
		*(uint32_t *)arg = ntohl(nla_get_u32(a));
	return 0;
}

/* Behind the prefix, with the colons back that nft lets no name have: only networks have a slash. */
static void
name_network(struct found_table *t)
{
	snprintf(t->network, sizeof(t->network), "%s", t->name + strlen(TABLE_PREFIX));
	for (char *c = strchr(t->network, '/') ? t->network : NULL; c && *c; c++)
		if (*c == '_')
			*c = ':';
}

static int
take_table(struct nlmsghdr *h, void *arg)
{
	struct nlattr *owner = attr(h, NFTA_TABLE_OWNER);
	struct ruleset *rs = arg;
	struct found_table *t;
	char name[TABLE_NAME_MAX];

	take_text(attr(h, NFTA_TABLE_NAME), name, sizeof(name));
	if (strncmp(name, TABLE_PREFIX, strlen(TABLE_PREFIX)))
		return 0;
	rs->tables = grow(rs->tables, rs->n, &rs->room, sizeof(*rs->tables));
	t = &rs->tables[rs->n++];
	*t = (struct found_table){ .owner = owner ? ntohl(nla_get_u32(owner)) : 0 };
	memcpy(t->name, name, sizeof(name));
	name_network(t);
	nft_read_comment(attr(h, NFTA_TABLE_USERDATA), t->comment);
	return 0;
}

/* The packets of the rule's counter. */
static uint64_t
take_counter(struct nlattr *exprs)
{
	struct nlattr *e, *name, *data, *packets;
	int rest;

	if (!exprs)
		return 0;
	nla_for_each_nested(e, exprs, rest) {
		name = nla_find(nla_data(e), nla_len(e), NFTA_EXPR_NAME);
		data = nla_find(nla_data(e), nla_len(e), NFTA_EXPR_DATA);
		if (!name || !data || nla_strcmp(name, "counter"))
			continue;
		packets = nla_find(nla_data(data), nla_len(data), NFTA_COUNTER_PACKETS);
		return packets ? be64toh(nla_get_u64(packets)) : 0;
	}
	return 0;
}

static int
take_rule(struct nlmsghdr *h, void *arg)
{
	struct found_table *t = arg;
	struct found_rule *r;

	t->rules = grow(t->rules, t->n, &t->room, sizeof(*t->rules));
	r = &t->rules[t->n];
	nft_read_comment(attr(h, NFTA_RULE_USERDATA), r->comment);
	if (!r->comment[0])
		return 0;
	take_text(attr(h, NFTA_RULE_CHAIN), r->chain, sizeof(r->chain));
	r->packets = take_counter(attr(h, NFTA_RULE_EXPRESSIONS));
	t->n++;
	return 0;
}

/* The rules of a chain, or of the whole table. */
static int
load_rules(struct netlink *nl, struct found_table *t, const char *chain)
{
	struct netlink_batch b = { 0 };
	struct nl_msg *m = nft_add(&b, NFT_MSG_GETRULE, NLM_F_DUMP, NFPROTO_INET, "table %s", t->name);

	nla_put_string(m, NFTA_RULE_TABLE, t->name);
	if (chain)
		nla_put_string(m, NFTA_RULE_CHAIN, chain);
	return netlink_ask_batch(nl, &b, take_rule, t);
}

static int
load(struct netlink *nl, struct ruleset *rs, bool all)
{
	struct netlink_batch b = { 0 };
	int err;

	nft_add(&b, NFT_MSG_GETGEN, 0, NFPROTO_UNSPEC, "nf_tables");
	err = netlink_ask_batch(nl, &b, take_generation, &rs->generation);
	if (err)
		return err;
	nft_add(&b, NFT_MSG_GETTABLE, NLM_F_DUMP, NFPROTO_INET, "nf_tables");
	err = netlink_ask_batch(nl, &b, take_table, rs);
	for (size_t i = 0; i < rs->n && !err; i++) {
		err = load_rules(nl, &rs->tables[i], all ? NULL : FORWARDS_CHAIN);
		if (!err && !all)
			err = load_rules(nl, &rs->tables[i], UNDO_CHAIN);
	}
	return err;
}

int
ruleset_load(struct netlink *nl, struct ruleset *rs, bool all)
{
	int err;

	do {
		*rs = (struct ruleset){ 0 };
		err = load(nl, rs, all);
		if (err)
			ruleset_free(rs);
	} while (err == -EAGAIN);
	return err;
}

void
ruleset_free(struct ruleset *rs)
{
	for (size_t i = 0; i < rs->n; i++)
		free(rs->tables[i].rules);
	free(rs->tables);
	*rs = (struct ruleset){ 0 };
}

const struct found_table *
ruleset_find(const struct ruleset *rs, const char *name)
{
	for (size_t i = 0; i < rs->n; i++)
		if (!strcmp(rs->tables[i].name, name))
			return &rs->tables[i];
	return NULL;
}

static int
take_chain(struct nlmsghdr *h, void *arg)
{
	const struct nfgenmsg *head = nlmsg_data(h);
	char table[TABLE_NAME_MAX];

	take_text(attr(h, NFTA_CHAIN_TABLE), table, sizeof(table));
	if (attr(h, NFTA_CHAIN_HOOK) && strncmp(table, TABLE_PREFIX, strlen(TABLE_PREFIX)) &&
	    (head->nfgen_family == NFPROTO_INET || head->nfgen_family == NFPROTO_IPV4 || head->nfgen_family == NFPROTO_IPV6))
		*(bool *)arg = true;
	return 0;
}

static bool
has_legacy(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char first;
	bool any = fd >= 0 && read(fd, &first, 1) == 1;

	if (fd >= 0)
		close(fd);
	return any;
}

int
ruleset_others(struct netlink *nl, bool *others)
{
	struct netlink_batch b = { 0 };
	int err;

	do {
		*others = has_legacy("/proc/net/ip_tables_names") || has_legacy("/proc/net/ip6_tables_names");
		nft_add(&b, NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC, "nftables");
		err = netlink_ask_batch(nl, &b, take_chain, others);
	} while (err == -EAGAIN);
	return err;
}

bool
table_is_undo(const struct found_table *t)
{
	return !strncmp(t->name, UNDO_PREFIX, strlen(UNDO_PREFIX));
}

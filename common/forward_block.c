/* SPDX-License-Identifier: ISC */
/* Chains that drop what a bridge forwards; the contracts are in forward_block.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/forward_block.h"
#include "common/forward_legacy.h"

/* Tables of vm-nat(8), whose last rules refuse what is meant to be refused. */
#define VM_NAT "vm-nat-"

/* Docker sends all that is forwarded through this chain first, and never empties it. */
#define DOCKER_USER "DOCKER-USER"

static bool
call_is_on(const char *path)
{
	char c = '0';
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, &c, 1) != 1)
		c = '0';
	close(fd);
	return c != '0';
}

bool
forward_path_bridged(struct forward_path *p, const char *bridge)
{
	*p = (struct forward_path){
		.bridge = bridge,
		.ip4 = call_is_on("/proc/sys/net/bridge/bridge-nf-call-iptables"),
		.ip6 = call_is_on("/proc/sys/net/bridge/bridge-nf-call-ip6tables"),
	};
	return p->ip4 || p->ip6;
}

static struct forward_block *
append(struct forward_blocks *b)
{
	b->v = reallocarray(b->v, b->n + 1, sizeof(*b->v));
	if (!b->v)
		die_sys("chains");
	b->v[b->n] = (struct forward_block){ 0 };
	return &b->v[b->n++];
}

void
forward_blocks_free(struct forward_blocks *b)
{
	free(b->v);
	*b = (struct forward_blocks){ 0 };
}

/* The chains of the forward hook, and where DOCKER-USER is. */
struct survey {
	const struct forward_path *path;
	struct forward_blocks *bases, docker;
};

static bool
concerns(const struct forward_path *p, uint8_t family)
{
	return family == NFPROTO_INET || (family == NFPROTO_IPV4 && p->ip4) || (family == NFPROTO_IPV6 && p->ip6);
}

static int
take_chain(struct nlmsghdr *h, void *arg)
{
	struct survey *s = arg;
	struct nfgenmsg *head = nlmsg_data(h);
	struct nlattr *a[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	struct forward_block *b;
	const char *name;

	if (h->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) || nlmsg_parse(h, sizeof(*head), a, NFTA_CHAIN_MAX, NULL) < 0 ||
		!a[NFTA_CHAIN_TABLE] || !a[NFTA_CHAIN_NAME] || !concerns(s->path, head->nfgen_family) ||
		!strncmp(nla_get_string(a[NFTA_CHAIN_TABLE]), VM_NAT, strlen(VM_NAT)))
		return 0;
	name = nla_get_string(a[NFTA_CHAIN_NAME]);
	if (!strcmp(name, DOCKER_USER)) {
		b = append(&s->docker);
	} else {
		if (!a[NFTA_CHAIN_HOOK] || nla_parse_nested(hook, NFTA_HOOK_MAX, a[NFTA_CHAIN_HOOK], NULL) < 0 || !hook[NFTA_HOOK_HOOKNUM] ||
			ntohl(nla_get_u32(hook[NFTA_HOOK_HOOKNUM])) != NF_INET_FORWARD)
			return 0;
		b = append(s->bases);
		b->policy = a[NFTA_CHAIN_POLICY] && ntohl(nla_get_u32(a[NFTA_CHAIN_POLICY])) == NF_DROP;
	}
	b->family = head->nfgen_family;
	snprintf(b->table, sizeof(b->table), "%s", nla_get_string(a[NFTA_CHAIN_TABLE]));
	snprintf(b->chain, sizeof(b->chain), "%s", name);
	snprintf(b->into, sizeof(b->into), "%s", name);
	return 0;
}

/* What the rules of a chain do to the path. */
struct passage {
	const struct forward_path *path;
	bool out, in;	/* let through: what comes from the bridge, what goes to it; both, for what stays in it */
	bool dead_end; /* the last rule drops all that came so far */
};

static bool
is_or_any(const char *name, const char *bridge)
{
	return !*name || !strcmp(name, bridge);
}

static void
judge_rule(const struct nft_rule *r, void *arg)
{
	struct passage *g = arg;
	const struct forward_path *p = g->path;
	bool any = !*r->in && !*r->out && !r->bridged;

	g->dead_end = r->verdict == NFT_DROPS && any && !r->other;
	if (r->verdict != NFT_ACCEPTS || r->other || (r->bridged && p->routed))
		return;
	if (p->routed) {
		g->out |= is_or_any(r->in, p->bridge) && !*r->out;
		g->in |= is_or_any(r->out, p->bridge) && !*r->in;
	} else if (is_or_any(r->in, p->bridge) && is_or_any(r->out, p->bridge)) {
		g->out = g->in = true;
	}
}

static const struct forward_block *
docker_of(const struct survey *s, const struct forward_block *b)
{
	for (size_t i = 0; i < s->docker.n; i++)
		if (s->docker.v[i].family == b->family && !strcmp(s->docker.v[i].table, b->table) && !strcmp(b->chain, "FORWARD"))
			return &s->docker.v[i];
	return NULL;
}

/* 1 when the chain drops, 0 when not, or -errno. */
static int
judge(struct netlink *nl, const struct survey *s, struct forward_block *b)
{
	const struct forward_block *docker = docker_of(s, b);
	struct passage g = { .path = s->path };
	int err = nft_rules_each(nl, b->family, b->table, b->chain, judge_rule, &g);

	if (err || !(b->policy || g.dead_end))
		return err;
	if (docker) {
		snprintf(b->into, sizeof(b->into), "%s", docker->chain);
		err = nft_rules_each(nl, b->family, b->table, docker->chain, judge_rule, &g);
	}
	return err ? err : !(g.in && g.out);
}

static int
ask_chains(struct netlink *nl, struct survey *s)
{
	struct nfgenmsg head = { .nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0 };
	int err;

	do {
		forward_blocks_free(s->bases);
		forward_blocks_free(&s->docker);
		err = netlink_ask(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, &head, sizeof(head), take_chain, s);
	} while (err == -EAGAIN);
	/* What the kernel says that has no nf_tables. */
	return err == -EINVAL || err == -EOPNOTSUPP ? 0 : err;
}

static void
find_legacy(const struct forward_path *p, struct forward_blocks *found)
{
	static const uint8_t families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

	for (size_t i = 0; i < 2; i++) {
		struct forward_block *b;

		if (!concerns(p, families[i]) || !forward_legacy_drops(families[i]))
			continue;
		b = append(found);
		*b = (struct forward_block){ .family = families[i], .table = "filter", .chain = "FORWARD", .into = "FORWARD", .policy = true, .legacy = true };
	}
}

int
forward_blocks_find(struct netlink *nl, const struct forward_path *p, struct forward_blocks *found)
{
	struct survey s = { .path = p, .bases = found };
	size_t kept = 0;
	int err;

	*found = (struct forward_blocks){ 0 };
	err = ask_chains(nl, &s);
	for (size_t i = 0; !err && i < found->n; i++) {
		int drops = judge(nl, &s, &found->v[i]);

		if (drops < 0)
			err = drops;
		else if (drops)
			found->v[kept++] = found->v[i];
	}
	found->n = kept;
	forward_blocks_free(&s.docker);
	if (err)
		forward_blocks_free(found);
	else
		find_legacy(p, found);
	return err;
}

static const char *
family_word(uint8_t family)
{
	return family == NFPROTO_INET ? "inet" : family == NFPROTO_IPV6 ? "ip6" : "ip";
}

void
forward_block_describe(const struct forward_block *b, const struct forward_path *p, char *text, size_t size)
{
	snprintf(text, size, "%s%s %s %s: its %s drops what %s forwards", b->legacy ? "iptables-legacy: " : "", family_word(b->family), b->table,
		b->chain, b->policy ? "policy" : "last rule", p->bridge);
}

/* iptables' tables in iptables' words, firewalld's in its own, all others in nft's. */
void
forward_block_remedy(const struct forward_block *b, const struct forward_path *p, char *text, size_t size)
{
	const char *br = p->bridge;

	if (!strcmp(b->table, "firewalld")) {
		snprintf(text, size, "firewall-cmd --zone=trusted --change-interface=%s", br);
	} else if (!strcmp(b->table, "filter") && b->family != NFPROTO_INET) {
		const char *cmd = b->family == NFPROTO_IPV6 ? "ip6tables" : "iptables", *legacy = b->legacy ? "-legacy" : "";

		if (p->routed)
			snprintf(text, size, "%s%s -I %s -i %s -j ACCEPT; %s%s -I %s -o %s -j ACCEPT", cmd, legacy, b->into, br, cmd, legacy,
				b->into, br);
		else
			snprintf(text, size, "%s%s -I %s -i %s -o %s -j ACCEPT", cmd, legacy, b->into, br, br);
	} else if (p->routed) {
		snprintf(text, size, "nft 'insert rule %s %s %s iifname %s accept; insert rule %s %s %s oifname %s accept'",
			family_word(b->family), b->table, b->into, br, family_word(b->family), b->table, b->into, br);
	} else {
		snprintf(text, size, "nft insert rule %s %s %s iifname %s oifname %s accept", family_word(b->family), b->table, b->into, br, br);
	}
}

static void
add_rule(struct netlink_batch *batch, const struct forward_block *b, const char *in, const char *out, const char *tag)
{
	struct nft_rule r = { .family = b->family };

	memcpy(r.table, b->table, sizeof(r.table));
	memcpy(r.chain, b->into, sizeof(r.chain));
	snprintf(r.in, sizeof(r.in), "%s", in);
	snprintf(r.out, sizeof(r.out), "%s", out);
	snprintf(r.tag, sizeof(r.tag), "%s", tag);
	nft_rule_insert(batch, &r);
}

int
forward_blocks_open(struct netlink *nl, const struct forward_blocks *b, const struct forward_path *p, const char *tag)
{
	struct netlink_batch batch = { 0 };

	for (size_t i = 0; i < b->n; i++) {
		if (!b->v[i].legacy)
			continue;
		snprintf(nl->why, sizeof(nl->why), "iptables-legacy: its tables are not ours to rewrite");
		return -EOPNOTSUPP;
	}
	if (!b->n)
		return 0;
	nft_begin(&batch, NULL);
	for (size_t i = 0; i < b->n; i++) {
		add_rule(&batch, &b->v[i], p->bridge, p->routed ? "" : p->bridge, tag);
		if (p->routed)
			add_rule(&batch, &b->v[i], "", p->bridge, tag);
	}
	nft_end(&batch);
	return netlink_commit(nl, &batch, NULL);
}

struct tagged {
	const char *tag;
	struct netlink_batch batch;
	int n;
};

static void
remove_tagged(const struct nft_rule *r, void *arg)
{
	struct tagged *t = arg;

	if (strcmp(r->tag, t->tag))
		return;
	nft_rule_delete(&t->batch, r);
	t->n++;
}

int
forward_blocks_close(struct netlink *nl, const char *tag)
{
	struct tagged t = { .tag = tag };
	int err;

	do {
		netlink_discard(&t.batch);
		t.n = 0;
		nft_begin(&t.batch, NULL);
		err = nft_rules_each(nl, NFPROTO_UNSPEC, NULL, NULL, remove_tagged, &t);
	} while (err == -EAGAIN);
	if (err || !t.n) {
		netlink_discard(&t.batch);
		return err == -EINVAL || err == -EOPNOTSUPP ? 0 : err;
	}
	nft_end(&t.batch);
	err = netlink_commit(nl, &t.batch, NULL);
	return err ? err : t.n;
}

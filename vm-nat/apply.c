/* SPDX-License-Identifier: ISC */
/*
 * Doing and undoing; the contracts are in apply.h. A table of ours says in its comments what is to be put back when it goes
 * (settings.h), so every change depends on what the other tables say. Therefore each is made on the condition that nobody
 * has changed anything since they were read (the generation of the ruleset), and begun again otherwise.
 */
#include <netinet/in.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/forward_block.h"
#include "common/nft_message.h"
#include "vm-nat/apply.h"
#include "vm-nat/hold.h"
#include "vm-nat/knob.h"
#include "vm-nat/plan.h"
#include "vm-nat/settings.h"

void
open_netlink(struct netlink *nl, int family)
{
	errno = -netlink_open(nl, family);
	if (errno)
		die_sys("netlink");
}

/* What the kernel says when it has no such thing is not clear to everybody. */
static _Noreturn void
die_netlink(const struct netlink *nl, int err)
{
	switch (err) {
	case -EPERM:
		die("%s (root, or CAP_NET_ADMIN, is needed)", nl->why);
	case -EINVAL:
	case -ENOENT:
	case -EOPNOTSUPP:
		die("%s (has the kernel nf_tables, nft_chain_nat, nft_ct, nft_fib_inet, nft_masq, nft_nat, nft_reject_inet?)", nl->why);
	default:
		die("%s", nl->why);
	}
}

void
read_ruleset(struct netlink *nl, struct ruleset *rs, bool all)
{
	int err = ruleset_load(nl, rs, all);

	if (err)
		die_netlink(nl, err);
}

/* A forward of another network that would come first, or second, by chance. */
static void
check_others(const struct network *n, const struct ruleset *rs, const struct found_table *own)
{
	struct forward f;
	const char *why;

	for (size_t i = 0; i < rs->n; i++)
		for (size_t j = 0; j < rs->tables[i].n && &rs->tables[i] != own; j++) {
			if (strcmp(rs->tables[i].rules[j].chain, FORWARDS_CHAIN) ||
			    !forward_parse(&f, rs->tables[i].rules[j].comment, &why))
				continue;
			for (size_t k = 0; k < n->nforwards; k++)
				if (forward_overlaps(&n->forwards[k], &f))
					die("-p %s: forwarded already by network %s", n->words[k], rs->tables[i].network);
		}
}

/* A program that waits for connections would never see one again, and nobody would know why. */
static void
check_programs(const struct network *n)
{
	for (size_t i = 0; i < n->nforwards; i++) {
		uint16_t port = forward_hides(&n->forwards[i]);

		if (port)
			die("-p %s: port %u: a program of this host has it, and would be hidden", n->words[i], port);
	}
}

/* Everything of a network, as it is and as it shall be. */
struct change {
	struct netlink nl, route;
	struct ruleset rs;
	struct table table;
	const struct found_table *own;
	struct settings settings, old; /* old: what the table that is replaced remembers */
	struct forward_path path;
	struct forward_blocks blocks; /* chains of others that drop what is forwarded */
};

static void
begin(struct change *c, struct options *o)
{
	open_netlink(&c->route, NETLINK_ROUTE);
	open_netlink(&c->nl, NETLINK_NETFILTER);
	network_resolve(&o->net, &c->route);
	network_check(&o->net);
	check_programs(&o->net);
}

/* What firewalls drop is dropped, whatever our table says of it. */
static void
find_blocks(struct change *c, const struct options *o)
{
	const struct network *n = &o->net;
	char what[160], remedy[256];
	int err;

	c->settings.tagged = c->old.tagged;
	forward_blocks_free(&c->blocks);
	c->path = (struct forward_path){ .bridge = n->bridge, .routed = true, .ip4 = network_has(n, AF_INET), .ip6 = network_has(n, AF_INET6) };
	if (!n->bridge || (n->restricted && !n->nforwards))
		return;
	do
		err = forward_blocks_find(&c->nl, &c->path, &c->blocks);
	while (err == -EAGAIN);
	if (err)
		die("%s", c->nl.why);
	c->settings.tagged |= o->fix && c->blocks.n;
	for (size_t i = 0; i < c->blocks.n && !o->fix; i++) {
		forward_block_describe(&c->blocks.v[i], &c->path, what, sizeof(what));
		forward_block_remedy(&c->blocks.v[i], &c->path, remedy, sizeof(remedy));
		warn("%s (what helps: -f, or %s)", what, remedy);
	}
}

/*
 * What goes from port to port of a bridge is this host's affair only as far as br_netfilter makes it so. True when that is for
 * nobody's sake.
 */
static bool
alone(struct change *c, const struct network *n)
{
	struct forward_path p;
	bool seen = n->bridge && forward_path_bridged(&p, n->bridge), others = false;

	if (n->separate && n->bridge && !seen)
		warn("%s: what it switches between its ports is not stopped by -z: isolate those too (vm-tap -O isolated=on)", n->bridge);
	if (!seen || !n->nforwards)
		return n->bridge;
	if (ruleset_others(&c->nl, &others))
		die("%s", c->nl.why);
	if (others)
		note(1, "%s: a guest reaches its own forwards through a hairpin port only (vm-tap -O hairpin=on)", n->bridge);
	return !others;
}

static void
plan(struct change *c, struct options *o)
{
	const char *path;
	int err;

	table_free(&c->table);
	ruleset_free(&c->rs);
	err = ruleset_load(&c->nl, &c->rs, false);
	/* One who may not change anything may still ask what would be changed. */
	if (err && !(err == -EPERM && o->check))
		die_netlink(&c->nl, err);
	plan_table(&c->table, &o->net);
	c->own = ruleset_find(&c->rs, c->table.name);
	if (c->own && c->own->owner && o->verb == VERB_ADD)
		die("%s: held by process %u", c->own->network, c->own->owner);
	if (c->own && o->verb == VERB_LOAD)
		die(c->own->owner ? "%s: held by process %u" : "%s: there already, to stay (vm-nat del)", c->own->network, c->own->owner);
	check_others(&o->net, &c->rs, c->own);
	settings_read(&c->old, c->own);
	settings_plan(&c->settings, &o->net, &c->rs, &c->route, !err && alone(c, &o->net));
	if (!err)
		find_blocks(c, o);
	if (!o->check && !settings_can(&c->settings, &path))
		die_sys("%s", path);
}

static void
end(struct change *c)
{
	forward_blocks_free(&c->blocks);
	table_free(&c->table);
	ruleset_free(&c->rs);
	netlink_close(&c->nl);
	netlink_close(&c->route);
}

static void
print(struct change *c)
{
	settings_print(stdout, &c->settings);
	table_print(stdout, &c->table, !c->table.owner);
	flush_stdout();
}

/* What the old table remembered and the new one does not need. */
static void
drop_old(struct change *c)
{
	struct ruleset now;

	if (settings_cover(&c->settings, &c->old))
		return;
	read_ruleset(&c->nl, &now, false);
	settings_restore(&c->old, &now, NULL);
	ruleset_free(&now);
}

/* What is beyond the table. What cannot be done, though it seemed so, takes back the whole. */
static void
set(struct change *c, const struct options *o, const char *tag)
{
	const char *path;
	int err = 0;

	if (o->fix)
		err = forward_blocks_open(&c->nl, &c->blocks, &c->path, tag);
	if (!err && settings_apply(&c->settings, &path))
		return;
	if (!err)
		snprintf(c->nl.why, sizeof(c->nl.why), "%s: %s", path, strerror(errno));
	error("%s", c->nl.why);
	if (!c->table.owner)
		undo_table(&c->nl, c->table.name);
	exit(diag_exit);
}

void
apply_add(struct options *o)
{
	struct change c = { 0 };
	struct netlink_batch b = { 0 };
	int err, turn;

	begin(&c, o);
	turn = knob_turn();
	do {
		plan(&c, o);
		settings_record(&c.settings, &c.table);
		if (o->check) {
			print(&c);
			break;
		}
		nft_begin(&b, &c.rs.generation);
		table_put(&b, &c.table, true);
		nft_end(&b);
		err = netlink_commit(&c.nl, &b, NULL);
		if (err && err != -ERESTART)
			die_netlink(&c.nl, err);
	} while (err);
	if (!o->check) {
		set(&c, o, c.table.name);
		drop_old(&c);
	}
	knob_turn_end(turn);
	end(&c);
}

/* The table goes with a socket that the program inherits; the record is in one of its own, which goes with the watcher. */
void
apply_hold(struct options *o)
{
	struct change c = { 0 };
	struct netlink_batch b = { 0 };
	struct holder h;
	int err, turn;

	begin(&c, o);
	turn = knob_turn();
	do {
		c.table.owner = true;
		plan(&c, o);
		if (o->check) {
			print(&c);
			end(&c);
			return;
		}
		err = holder_record(&h, &c.settings, c.rs.generation);
		if (err && err != -ERESTART)
			die_netlink(&h.nl, err);
	} while (err);
	nft_begin(&b, NULL);
	table_put(&b, &c.table, false);
	nft_end(&b);
	err = netlink_commit(&c.nl, &b, NULL);
	if (err)
		die_netlink(&c.nl, err);
	holder_start(&h, &c.nl);
	set(&c, o, h.table);
	knob_turn_end(turn);
	forward_blocks_free(&c.blocks);
	table_free(&c.table);
	ruleset_free(&c.rs);
	netlink_close(&c.route);
}

void
undo_table(struct netlink *nl, const char *name)
{
	struct netlink_batch b = { 0 };
	struct settings settings;
	struct ruleset rs;
	int err;

	do {
		const struct found_table *own;
		uint32_t generation;

		read_ruleset(nl, &rs, false);
		generation = rs.generation;
		own = ruleset_find(&rs, name);
		if (!own) {
			ruleset_free(&rs);
			return;
		}
		/* First what it remembers, then the table: who adds one meanwhile finds the record, and changes the generation. */
		settings_read(&settings, own);
		settings_restore(&settings, &rs, own);
		ruleset_free(&rs);
		if (settings.tagged && forward_blocks_close(nl, name) < 0)
			warn("%s", nl->why);
		nft_begin(&b, &generation);
		table_put_delete(&b, NFPROTO_INET, name);
		nft_end(&b);
		err = netlink_commit(nl, &b, NULL);
		if (err && err != -ERESTART)
			die_netlink(nl, err);
	} while (err);
}

void
apply_del(struct options *o)
{
	const struct found_table *own;
	char name[TABLE_NAME_MAX];
	struct netlink nl;
	struct ruleset rs;

	plan_name(name, &o->net);
	open_netlink(&nl, NETLINK_NETFILTER);
	read_ruleset(&nl, &rs, false);
	own = ruleset_find(&rs, name);
	if (own && own->owner)
		die("%s: held by process %u: it goes when that ends", own->network, own->owner);
	if (own && o->check)
		printf("delete table inet %s\n", name);
	ruleset_free(&rs);
	if (!o->check) {
		int turn = knob_turn();

		undo_table(&nl, name);
		knob_turn_end(turn);
	}
	flush_stdout();
	netlink_close(&nl);
}

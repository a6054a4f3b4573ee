/* SPDX-License-Identifier: ISC */
/* What is in the kernel: reading our tables, and changing them if nobody else did so meanwhile. */
#ifndef VM_NAT_RULESET_H
#define VM_NAT_RULESET_H

#include "vm-nat/rules.h"

struct found_rule {
	char chain[32], comment[COMMENT_MAX];
	uint64_t packets;
};

struct found_table {
	char name[TABLE_NAME_MAX], network[TABLE_NAME_MAX], comment[COMMENT_MAX];
	uint32_t owner; /* the port of the socket it lives with: a process id, as a rule; 0: none */
	struct found_rule *rules;
	size_t n, room;
};

struct ruleset {
	uint32_t generation; /* changes with every change of any table */
	struct found_table *tables; /* ours */
	size_t n, room;
};

/*
 * Reads the tables whose names begin with TABLE_PREFIX, and their rules that have comments: all, or of the chains that others
 * have to know of. 0 or -errno with nl->why.
 */
int ruleset_load(struct netlink *nl, struct ruleset *rs, bool all);
void ruleset_free(struct ruleset *rs);

/* The table of that name, or NULL. */
const struct found_table *ruleset_find(const struct ruleset *rs, const char *name);

/* Whether there are chains besides ours that packets of IP pass, also of iptables-legacy. 0 or -errno. */
int ruleset_others(struct netlink *nl, bool *others);

/* It is no network's, but remembers for one that a program holds. */
bool table_is_undo(const struct found_table *t);

#endif

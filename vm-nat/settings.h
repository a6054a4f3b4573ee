/* SPDX-License-Identifier: ISC */
/*
 * The settings of the kernel (sysctl) that a network needs, and what they were before. The record of that lies in the kernel
 * too, as comments of rules that do nothing, in a chain of the network's table: so it is of the same network namespace, and
 * is there as long as the settings are needed. Who comes second takes over the record of the first, and who goes last puts
 * back.
 */
#ifndef VM_NAT_SETTINGS_H
#define VM_NAT_SETTINGS_H

#include "vm-nat/network.h"
#include "vm-nat/ruleset.h"

#define SETTINGS_MAX 64

struct setting {
	char text[COMMENT_MAX]; /* "ipv4/ip_forward=0": its path below /proc/sys/net, and what it was */
};

struct settings {
	struct setting v[SETTINGS_MAX];
	size_t n;
	bool bridged; /* the network relies on br_netfilter: others leave it on */
	bool tagged;  /* rules in chains of others are to be taken out too: their tag is the name of the table with the record */
};

/*
 * What the network needs that is not so, or is so because another one of ours needs it. route: to ask for routes. alone: no
 * chains but ours see what bridges switch. Dies.
 */
void settings_plan(struct settings *s, const struct network *n, const struct ruleset *rs, struct netlink *route, bool alone);

/* The record that a table keeps. */
void settings_read(struct settings *s, const struct found_table *t);

/* There is something to remember. */
bool settings_any(const struct settings *s);

/* Into the table. The texts stay those of s. */
void settings_record(const struct settings *s, struct table *t);

/* They can be changed, as far as that is needed: false with errno, and the path of the one that cannot. */
bool settings_can(const struct settings *s, const char **path);

/* As the network needs them. False with errno when one cannot be set, and its path. */
bool settings_apply(const struct settings *s, const char **path);

/* As they were; but as the others need them, where they do. Tables but that one count as others. */
void settings_restore(const struct settings *s, const struct ruleset *rs, const struct found_table *own);

/* All that is remembered in old is in s too. */
bool settings_cover(const struct settings *s, const struct settings *old);

/* For -n: as the sysctl(8) commands that would do it, behind the #. */
void settings_print(FILE *f, const struct settings *s);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Tables of nftables, as data: what a network needs is written down once (plan.c) and rendered twice, as messages for the
 * kernel (encode.c) and in the words of nft (text.c), so that what -n prints cannot be another thing than what is done.
 */
#ifndef VM_NAT_RULES_H
#define VM_NAT_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "common/nft_message.h"
#include "common/prefix.h"

#define RULE_EXPRS 12
#define COMMENT_MAX NFT_COMMENT_MAX
#define CHAINS_MAX 8
#define TABLE_NAME_MAX 64

enum expr_kind {
	EXPR_NONE, /* stands for nothing, for where a rule says more in one case than in another */
	EXPR_IIF,
	EXPR_OIF,
	EXPR_BRIDGE, /* the bridge a frame is in; family bridge */
	EXPR_FAMILY,
	EXPR_SADDR,
	EXPR_DADDR,
	EXPR_PROTO,
	EXPR_DPORT,
	EXPR_LOCAL, /* to an address of this host's */
	EXPR_CT_STATE,
	EXPR_CT_STATUS,
	EXPR_SYN,
	/* From here on what is done, not what is asked. */
	EXPR_COUNTER,
	EXPR_CLAMP, /* the segment size to what the route carries */
	EXPR_MASQUERADE,
	EXPR_SNAT,
	EXPR_DNAT,
	EXPR_VERDICT,
	EXPR_JUMP,
	EXPR_REJECT,
	EXPR_COMMENT,
};

struct ports {
	uint8_t proto;	 /* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t lo, hi; /* both 0: left as they are */
	uint16_t from;	 /* DNAT: lo.. stands for from.. one by one, where that is another number; else 0 */
};

struct expr {
	enum expr_kind kind;
	bool negated;
	const char *text; /* a name or a comment, which is the caller's */
	int number;	  /* family, protocol, bits, verdict */
	struct prefix addr;
	struct ports ports;
};

struct rule {
	struct expr e[RULE_EXPRS];
	size_t n;
};

struct chain {
	const char *name, *type; /* type NULL: only jumped to */
	int hook, priority;
	struct rule *rules;
	size_t n, room;
};

struct table {
	int family; /* NFPROTO_INET, NFPROTO_BRIDGE */
	char name[TABLE_NAME_MAX], comment[COMMENT_MAX];
	bool owner; /* goes with the socket that made it */
	struct chain chains[CHAINS_MAX];
	size_t n;
};

/* Appends to the table, or to the chain. Die without memory; more chains or expressions than there is room for are a fault of ours. */
struct chain *table_chain(struct table *t, const char *name, const char *type, int hook, int priority);
void chain_rule(struct chain *c, const struct expr *e, size_t n);
#define RULE(chain, ...) chain_rule((chain), (struct expr[]){ __VA_ARGS__ }, sizeof((struct expr[]){ __VA_ARGS__ }) / sizeof(struct expr))
void table_free(struct table *t);

/* The table, whole, in nft's words; for the kernel: "put this in place of what was there", where replace is set. */
void table_print(FILE *f, const struct table *t, bool replace);
void table_put(struct netlink_batch *b, const struct table *t, bool replace);
void table_put_delete(struct netlink_batch *b, int family, const char *name);

#endif

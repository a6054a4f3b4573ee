/* SPDX-License-Identifier: ISC */
/*
 * What encoding a table (encode.c) takes of encoding an expression (encode_expr.c). A rule is a list of expressions that load
 * something into a register, compare it, and act: those that nft makes of the same words, so that it lists them as such.
 */
#ifndef VM_NAT_ENCODE_H
#define VM_NAT_ENCODE_H

#include "vm-nat/rules.h"

#define ENCODE_MAP_NAME "__map%d" /* of a map of ports; the kernel puts a number in */

/* What the addresses and ports of a rule presuppose is asked once. */
struct known {
	int family, proto;
};

struct nl_msg;

/* Appends what the expression is; `set` is the number of its map of ports, if it has one. */
void encode_expr(struct nl_msg *m, struct known *k, const struct expr *e, uint32_t set);

#endif

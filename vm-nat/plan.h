/* SPDX-License-Identifier: ISC */
/* What a network needs of nftables. */
#ifndef VM_NAT_PLAN_H
#define VM_NAT_PLAN_H

#include "vm-nat/network.h"
#include "vm-nat/rules.h"

#define TABLE_PREFIX "vm-nat-"	    /* of the tables that are ours */
#define UNDO_PREFIX "vm-nat-undo/" /* of those that only remember */

/* Comments of rules that count what was not let through. */
#define REFUSED_FROM "refused from guests"
#define REFUSED_TO "refused to guests"
#define REFUSED_BETWEEN "refused between guests"

/* The chain whose rules count the forwards, with -p's words as comments; and that which remembers settings (settings.h). */
#define FORWARDS_CHAIN "forwards"
#define UNDO_CHAIN "undo"

/*
 * The table of a network, whole. Its texts point into n, which must live as long. The name of its table is that of the
 * interface, or its first network, behind "vm-nat-".
 */
void plan_table(struct table *t, const struct network *n);
void plan_name(char name[TABLE_NAME_MAX], const struct network *n);

#endif

/* SPDX-License-Identifier: ISC */
/* Making and opening taps. What cannot be done ends the process with nothing left behind. */
#ifndef VM_TAP_TAP_H
#define VM_TAP_TAP_H

#include "common/link.h"
#include "vm-tap/want.h"

/* A tap that stays: false if it was there and agrees, whose name it then has. */
bool tap_add(struct netlink *nl, const struct want *w, struct tap *t);

/* A tap for a program: the one of that name, if there is one and it agrees, or a new one, which ends with its descriptors. */
void tap_take(struct netlink *nl, const struct want *w, struct tap *t);

/* What TUNSETIFF is told. */
short tap_flags(const struct want *w);

/* The tun driver; dies with the remedy where there is none. */
int tap_open_tun(void);

/* Whether there is an interface of the name that is wanted. */
bool tap_there(struct netlink *nl, const struct want *w, struct link *have);

/* What is asked for, or the bridge's (which may be NULL) as far as a tap can have it. */
unsigned tap_mtu(const struct want *w, const struct link *bridge);

/* Nothing, or dies saying how the one that is there does not agree with what is wanted: to be kept, or to be opened. */
void compare_added(struct netlink *nl, const struct want *w, const struct link *have);
void compare_opened(struct netlink *nl, const struct want *w, const struct link *have);
void compare_macvtap(const struct want *w, const struct link *lower, const struct link *have);

#endif

/* SPDX-License-Identifier: ISC */
/* Making and opening taps. What cannot be done ends the process with nothing left behind. */
#ifndef VM_TAP_TAP_H
#define VM_TAP_TAP_H

#include "vm-tap/link.h"

/* The one that is there already does not agree with what is wanted: dies saying how. */
void tap_compare(struct netlink *nl, const struct want *w, const struct link *have);

/*
 * A tap for a program: the one of that name, if there is one and it agrees, or a new one, which ends with its descriptors.
 */
void tap_take(struct netlink *nl, const struct want *w, struct tap *t);

/* A tap that stays: false if it was there and agrees. Its descriptors are closed. */
bool tap_add(struct netlink *nl, const struct want *w, struct tap *t);

#endif

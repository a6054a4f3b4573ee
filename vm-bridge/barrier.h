/* SPDX-License-Identifier: ISC */
/* Firewalls that drop what passes from port to port of a bridge, because br_netfilter shows it to them. */
#ifndef VM_BRIDGE_BARRIER_H
#define VM_BRIDGE_BARRIER_H

#include <stdbool.h>

/* The comment of the rules put in for a bridge, and the alias of the tunnels made for it: by these they are known as ours. */
#define TAG_MAX 32
void barrier_tag(char tag[TAG_MAX], const char *bridge);

/* Says what drops and what helps; with force it helps instead. Whether rules were put in. A failure is only told: the bridge
 * itself is sound. */
bool barrier_check(const char *bridge, bool force);

/* Takes such rules out. False when that failed, which was told. */
bool barrier_remove(const char *bridge);

#endif

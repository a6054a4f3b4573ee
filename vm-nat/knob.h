/* SPDX-License-Identifier: ISC */
/*
 * One setting of the kernel that is a digit: its key is the path below /proc/sys/net, and ends at a "=", so that a text
 * that says what it was, too, is good as one.
 */
#ifndef VM_NAT_KNOB_H
#define VM_NAT_KNOB_H

#include <stdbool.h>

#define KNOB_ROOT "/proc/sys/net/"
#define KNOB_BRIDGE_NF4 "bridge/bridge-nf-call-iptables"
#define KNOB_BRIDGE_NF6 "bridge/bridge-nf-call-ip6tables"
#define KNOB_FORWARD4 "ipv4/ip_forward"		 /* of all interfaces: writing it writes them all */
#define KNOB_FORWARD6 "ipv6/conf/all/forwarding" /* likewise */

/* Its path, whole, until the next call. */
const char *knob_path(const char *text);

/* What its key is, and ends in. */
bool knob_is(const char *text, const char *key);
bool knob_ends_in(const char *text, const char *end);

/* It is one of all interfaces. */
bool knob_of_all(const char *text);

/* What a network needs it to be. */
int knob_want(const char *text);

/*
 * One of us at a time looks at settings, records what they were and changes them, in this network namespace: what one has
 * recorded another must not just be putting back. Waits for its turn, which lasts until the descriptor is given back, or the
 * process ends; without such a file there are no turns.
 */
int knob_turn(void);
void knob_turn_end(int fd);

/* What it is, or -1 with errno; makes it that, false with errno. */
int knob_get(const char *key);
bool knob_set(const char *key, int value);

#endif

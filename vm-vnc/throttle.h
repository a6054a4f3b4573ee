/* SPDX-License-Identifier: ISC */
/*
 * How many may knock at once, and how often one may be wrong. Kept in memory that the processes of all viewers share, since
 * each of them learns its part only. An address is that of a host; in IPv6 the network of one, 64 bits. Unix sockets have
 * none: of them the number is limited alone.
 */
#ifndef VM_VNC_THROTTLE_H
#define VM_VNC_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/address.h"

#define THROTTLE_ALL 64		 /* meetings at once */
#define THROTTLE_FAR 48		 /* of them with other hosts: those who sit here are not kept out by a crowd there */
#define THROTTLE_ONE 16		 /* of one address: a browser opens six connections for a page */
#define THROTTLE_MEETING 150000	 /* milliseconds after which one is over in any case */
#define THROTTLE_FAILURES 5	 /* wrong passwords before an address has to wait */
#define THROTTLE_WAIT 10000	 /* milliseconds, for the first time; each further failure doubles them */
#define THROTTLE_WAIT_MAX 640000
#define THROTTLE_ADDRESSES 256	 /* that failures are remembered of */

struct throttle;

/* NULL: no memory. */
struct throttle *throttle_new(void);

/* This process has no part in it any more. */
void throttle_forget(struct throttle *t);

/* Somebody came: the number of his meeting; -1: there are too many, or he has to wait. now: of timer_now(). */
int throttle_begin(struct throttle *t, const union address *a, int64_t now);
void throttle_end(struct throttle *t, int meeting);

/* Somebody of that address was wrong, or was right, after which nothing is held against him. */
void throttle_failed(struct throttle *t, const union address *a, int64_t now);
void throttle_passed(struct throttle *t, const union address *a);

#endif

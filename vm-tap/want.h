/* SPDX-License-Identifier: ISC */
/* A tap as it is asked for, and as it came to be. */
#ifndef VM_TAP_WANT_H
#define VM_TAP_WANT_H

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/attrs.h"
#include "common/wire.h"

#define TAP_MTU_MAX 65521 /* of the tun driver */
#define TAP_NAME "tap%d"  /* the kernel counts */
#define MACVTAP_NAME "macvtap%d"

struct want {
	const char *name;   /* may have a %d, which the kernel replaces; NULL: one it chooses */
	const char *bridge; /* NULL: none */
	const char *lower;  /* a macvtap of this device; NULL: a tap */
	struct attrs port;
	unsigned queues;
	unsigned mtu; /* 0: the bridge's or the device's */
	bool plain;   /* frames without virtio header */
	bool has_mac, has_owner, has_group;
	uint8_t mac[6]; /* the guest's */
	uid_t owner;
	gid_t group;
	uint32_t mode; /* of a macvtap: MACVLAN_MODE_* */
	int sndbuf;    /* 0: the kernel's */
};

struct tap {
	char name[IFNAMSIZ];
	int index;
	unsigned mtu;
	uint8_t mac[6]; /* of a macvtap, which must be the guest's, too */
	int fds[WIRE_FDS_MAX];
	unsigned n;
	int hold; /* what keeps a macvtap alive by being open; -1: nothing */
};

#endif

/* SPDX-License-Identifier: ISC */
/* Interfaces, as the kernel describes them and as it is told. */
#ifndef VM_TAP_LINK_H
#define VM_TAP_LINK_H

#include <linux/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/netlink.h"
#include "vm-tap/want.h"

struct link {
	int index, master, lower; /* 0: none */
	unsigned flags;		  /* IFF_* */
	unsigned mtu;
	uint8_t mac[6];
	bool held; /* of a tap: some process has it open */
	char name[IFNAMSIZ], kind[16];
	struct {
		bool tap, info, header, many, persistent;
		int64_t owner, group; /* -1: none */
	} tun;
	uint32_t mode; /* of a macvtap */
	struct attrs port;
};

/* 0, -ENODEV, or another -errno with nl->why. */
int link_get(struct netlink *nl, const char *name, struct link *l);

/* Calls fn with every interface there is; dies when they cannot be had. */
void link_each(struct netlink *nl, void (*fn)(const struct link *l, void *arg), void *arg);

bool link_is_tap(const struct link *l);
bool link_is_macvtap(const struct link *l);

/* The bridge of that name; dies when there is none. */
void link_bridge(struct netlink *nl, const char *name, struct link *l);

/* Gives a tap just made its address and MTU, makes it a port of its bridge, and sets it up. 0 or -errno with nl->why. */
int link_settle(struct netlink *nl, const struct want *w, const struct tap *t, const struct link *bridge);

/* 0 or -errno with nl->why. */
int link_delete(struct netlink *nl, const struct link *l);

#endif

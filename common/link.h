/* SPDX-License-Identifier: ISC */
/* Interfaces as the kernel describes them. */
#ifndef COMMON_LINK_H
#define COMMON_LINK_H

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attrs.h"
#include "common/netlink.h"

struct link {
	int index, master; /* master: 0 none */
	int lower;	   /* of a macvtap: what it branches off; 0: none, or in another namespace */
	unsigned flags;	   /* IFF_* */
	unsigned mtu;
	uint8_t mac[6]; /* zero when it is no Ethernet */
	uint8_t oper;	/* IF_OPER_* */
	uint8_t state;	/* of a port: BR_STATE_* */
	bool ethernet, carrier;
	char name[IFNAMSIZ], kind[16]; /* kind: "bridge", "veth", ...; empty for hardware */
	char alias[48];
	struct attrs settings; /* of a bridge: bridge_settings */
	struct attrs port;     /* of a bridge's port: port_settings */
	uint32_t mode;	       /* of a macvtap: MACVLAN_MODE_* */
	struct link_tun {
		bool tap;		/* frames, not packets */
		bool info, header;	/* in front of each: of old, of virtio */
		bool many;		/* queues */
		bool persistent;
		int64_t owner, group; /* -1: none */
	} tun;			      /* of kind "tun"; some process has it open when there is a carrier */
};

extern const struct attr_table bridge_settings, port_settings;

/* The interface of that name: 0, -ENODEV, or -errno. nl->why says which. */
int link_get(struct netlink *nl, const char *name, struct link *l);
int link_get_index(struct netlink *nl, int index, struct link *l);

/* The bridge of that name; dies when there is none. */
void link_get_bridge(struct netlink *nl, const char *name, struct link *l);

/* Add messages that set it up or down, and that delete it. */
void link_set_up(struct netlink_batch *b, const struct link *l, bool up);
/* By index, as another one may have the name by then; by name where that is 0. */
void link_delete(struct netlink_batch *b, int index, const char *name);

struct links {
	struct link *v;
	size_t n;
};

/* All there are, in the kernel's order. Dies when it cannot. */
void links_load(struct netlink *nl, struct links *ls);
const struct link *links_by_index(const struct links *ls, int index);
void links_free(struct links *ls);

bool link_is_bridge(const struct link *l);
bool link_is_tap(const struct link *l);
bool link_is_macvtap(const struct link *l);

#endif

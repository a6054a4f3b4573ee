/* SPDX-License-Identifier: ISC */
/* Interfaces as the kernel describes them. */
#ifndef VM_BRIDGE_LINKS_H
#define VM_BRIDGE_LINKS_H

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netlink.h"
#include "vm-bridge/settings.h"

struct link {
	int index, master; /* master: 0 none */
	unsigned flags;	   /* IFF_* */
	unsigned mtu;
	uint8_t mac[6]; /* zero when it is no Ethernet */
	uint8_t state;	/* of a port: BR_STATE_* */
	bool ethernet;
	char name[IFNAMSIZ], kind[16]; /* kind: "bridge", "veth", ...; empty for hardware */
	struct settings settings;      /* of a bridge */
};

/* The interface of that name: 0, -ENODEV, or -errno. nl->why says which. */
int link_get(struct netlink *nl, const char *name, struct link *l);

struct links {
	struct link *v;
	size_t n;
};

/* All there are, in the kernel's order. Dies when it cannot. */
void links_load(struct netlink *nl, struct links *ls);
const struct link *links_by_index(const struct links *ls, int index);
void links_free(struct links *ls);

bool link_is_bridge(const struct link *l);

#endif

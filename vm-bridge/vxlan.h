/* SPDX-License-Identifier: ISC */
/* VXLAN tunnels (RFC 7348): a port of the bridge that leads to the bridges of other hosts. */
#ifndef VM_BRIDGE_VXLAN_H
#define VM_BRIDGE_VXLAN_H

#include <linux/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/netlink.h"
#include "common/prefix.h"

#define VXLAN_REMOTES_MAX 32

struct vxlan {
	uint32_t id; /* VNI, 24 bits */
	uint16_t port;
	struct prefix remotes[VXLAN_REMOTES_MAX]; /* hosts, or one multicast group; of one address each */
	size_t nremotes;
	struct prefix local; /* family 0: not given */
	char dev[IFNAMSIZ];   /* empty: not given */
	char name[IFNAMSIZ];  /* of the interface: vxlan and the number */
	int link;	      /* by vxlan_resolve: dev's index, or 0 */
	unsigned mtu;
};

/* Takes "42,remote=192.0.2.2[,remote=...][,local=ADDR][,dev=NIC][,port=N]", NULL, or why not. */
const char *vxlan_parse(struct vxlan *v, const char *word);

/* Finds the device, and how large a frame's content may be so that it fits with its envelope into what the way to the first
 * remote host takes. 0, or -errno with nl->why. */
int vxlan_resolve(struct netlink *nl, struct vxlan *v);

/* Whether it is there already, as a port of the bridge; dies when something else is. */
bool vxlan_exists(struct netlink *nl, const struct vxlan *v, int bridge_index, const char *bridge);

/* Of one resolved: adds a message that makes the interface. */
void vxlan_make(struct netlink_batch *b, const struct vxlan *v);

/* Of one made: adds messages that send what is meant for all to every host, not to the first alone, and that give it the alias
 * by which it is known as ours. */
void vxlan_settle(struct netlink_batch *b, const struct vxlan *v, int index, const char *alias);

#endif

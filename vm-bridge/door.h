/* SPDX-License-Identifier: ISC */
/* Where ports of a hub come from by themselves: a listening socket, or an address that is dialled again and again. */
#ifndef VM_BRIDGE_DOOR_H
#define VM_BRIDGE_DOOR_H

#include "common/address.h"
#include "common/listener.h"
#include "vm-bridge/hub.h"

#define DOOR_RETRY 1000 /* ms */

struct door {
	struct hub *hub;
	char name[HUB_NAME];
	union address address; /* of one that dials */
	bool dials, one;       /* a peer at a time; the others wait in the kernel */
	bool complained;       /* that nobody answers: once */
	struct listener listener;
	struct watch dialled;
	struct timer again; /* to dial */
};

/* Each that connects to fd becomes a port. The name, too, is for people. 0 or -errno. */
int door_listen(struct door *d, struct hub *h, int fd, const char *name, bool one);

/* A port while the address answers; when it does not, it is tried again every second, as long as the hub lives. 0 or -errno. */
int door_dial(struct door *d, struct hub *h, const union address *a);

#endif

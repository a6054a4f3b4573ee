/* SPDX-License-Identifier: ISC */
/*
 * A switch of cables. A frame goes to the port on which its destination was heard, else to all but its own. Each port has a
 * queue of bounded size; what does not fit is lost, as on any switch, so that no port ever waits for another. Everything
 * happens on the thread of the loop.
 */
#ifndef VM_BRIDGE_HUB_H
#define VM_BRIDGE_HUB_H

#include "common/cable.h"
#include "common/loop.h"
#include "vm-bridge/macs.h"

#define HUB_PORTS 256
#define HUB_NAME 64

struct port {
	struct hub *hub;
	uint16_t index;	    /* of hub->ports */
	char name[HUB_NAME]; /* for people */
	struct cable cable;
	struct watch watch;
	bool queued; /* has frames that are not flushed yet */
	struct {
		uint64_t frames, bytes;
	} in, out; /* from the port's peer, and towards it */
	/* Set by who plugged it: the port is about to be taken out, because the peer left or broke the framing. */
	void (*left)(struct port *p);
	void *arg;
};

struct hub {
	struct loop *loop;
	bool repeats; /* nothing is learned: a cable, of two ends */
	struct macs macs;
	uint32_t now; /* seconds, as of the last frames */
	struct port *ports[HUB_PORTS];
	unsigned nports;
	/* When not NULL: a port was taken out. */
	void (*changed)(struct hub *h);
};

void hub_init(struct hub *h, struct loop *loop);

/* A port for the descriptor, which it closes when taken out. NULL, with *why and the descriptor still open: no room, no
 * cable. */
struct port *hub_plug(struct hub *h, int fd, const char *name, const char **why);
void hub_unplug(struct port *p);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A listening socket in a loop. Without descriptors or memory accept(2) fails and the socket stays ready: who then asks again
 * and again burns a processor. So it is left alone for a moment; those who come wait in the kernel, and are let in afterwards.
 */
#ifndef COMMON_LISTENER_H
#define COMMON_LISTENER_H

#include <stdbool.h>

#include "common/timer.h"

#define LISTENER_PAUSE 250 /* ms */

struct listener {
	struct watch watch; /* .fd: the socket */
	struct timer again;
	bool shut; /* by its owner */
};

/* handler is called when somebody waits at fd, which does not block. 0, or -errno: then fd is still the caller's. */
int listener_start(struct listener *l, struct loop *loop, int fd, void (*handler)(struct watch *w, uint32_t events));
void listener_stop(struct listener *l); /* closes the socket */

/* In the handler: the next connection, made with accept4's flags, or -1 when there is none now. */
int listener_accept(struct listener *l, int flags);

/* Nobody is let in for a moment. */
void listener_pause(struct listener *l);

/* Nobody is let in until it is opened; it is at first. */
void listener_shut(struct listener *l);
void listener_open(struct listener *l);

#endif

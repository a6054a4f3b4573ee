/* SPDX-License-Identifier: ISC */
/* The host's /etc/resolv.conf, followed for a stack that cannot see it. */
#ifndef VM_SLIRP_RESOLV_H
#define VM_SLIRP_RESOLV_H

#include "common/loop.h"

struct resolv {
	struct watch watch; /* inotify */
	int copy;	    /* where the text goes; -1: nobody wants it */
};

/* Writes the text of /etc/resolv.conf over what fd holds. A file that cannot be read leaves it empty: libslirp then asks
 * the host's loopback. */
void resolv_copy(int fd);

/* Copies now, and whenever the file changes or is replaced, also behind symbolic links. Takes `copy`. */
void resolv_follow(struct resolv *r, struct loop *loop, int copy);
void resolv_stop(struct resolv *r);

#endif

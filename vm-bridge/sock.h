/* SPDX-License-Identifier: ISC */
/* The sockets that cables are made of. */
#ifndef VM_BRIDGE_SOCK_H
#define VM_BRIDGE_SOCK_H

#include "common/address.h"

/*
 * A word of the user's: [ADDR:]PORT, of which ADDR may be the name of a host and is 127.0.0.1 when not said, or a path,
 * which has a slash in it. Exits 2 when it is neither; dies when nobody knows the name.
 */
union address sock_address(const char *word);

/* Listening: TCP, or Unix with mode 0600. Dies, naming the word, when it cannot be had. Non-blocking, as all of these. */
int sock_listen(const char *word, const union address *a);

/* Begins to connect. -1 with errno. When *pending the end is told by EPOLLOUT, and by sock_connected: true, or errno. */
int sock_dial(const union address *a, bool *pending);
bool sock_connected(int fd);

/* A connection for frames: sent at once; and a peer whose host is gone without a word is missed within half a minute. */
void sock_tune(int fd);

/* UDP from `local` (its family 0: any) to `remote`, both for good. Dies. */
int sock_udp(const char *word, const union address *remote, const union address *local);

struct sock_group {
	union address address;
	const char *local; /* an interface's name or address; NULL: as the routes say */
	unsigned hops;	   /* how many routers forward it, and itself: 1 stays on the link */
	bool loop;	   /* other programs of this host hear it too */
};

/* UDP bound to the multicast group, which it has joined, and to which what is sent goes. Of IPv6 the address gets the scope
 * that `local` is. Dies. */
int sock_group(const char *word, struct sock_group *g);

#endif

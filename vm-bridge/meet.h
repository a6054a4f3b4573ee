/* SPDX-License-Identifier: ISC */
/*
 * Where programs that know only a path find each other: a Unix socket there, of which one is the server. Who decides who
 * that is, or ends it, holds a lock on the path's directory meanwhile, so that there is never more than one, and none that
 * nobody can reach.
 */
#ifndef VM_BRIDGE_MEET_H
#define VM_BRIDGE_MEET_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct meet {
	const char *path;
	char base[NAME_MAX + 1]; /* its last component */
	int dir;		 /* open */
	int listener;		 /* of the server, non-blocking; else -1 */
	dev_t dev;		 /* the socket file that it made */
	ino_t ino;
	struct meet *next; /* of those that this process serves */
};

/* Opens the directory and waits for the lock. Dies. */
void meet_lock(struct meet *m, const char *path);
void meet_unlock(struct meet *m);

/* Under the lock: a connection to the server, close-on-exec, or -1 when there is none. Dies for other reasons. */
int meet_connect(struct meet *m);

/*
 * Under the lock: becomes the server (mode 0600; a socket left behind by a crash is replaced). However this process exits, and
 * m with it, the file goes with it. Dies.
 */
void meet_serve(struct meet *m);

/* In the parent of a backend, once that is ready: what was served here is its from now on. */
void meet_disown(void);

/*
 * In the server's own process, before it uses the two below: a lock of its own, as the one of meet_lock was inherited. The
 * descriptors that it needs are dir and listener.
 */
void meet_own(struct meet *m);

/*
 * The server means to end. True: the socket file is gone and nobody waits to be accepted; nothing else to do. False:
 * somebody is just deciding, or waits: accept him, or ask again a moment later.
 */
bool meet_leave(struct meet *m);

/* Takes the socket file away, unless it is somebody else's by now. */
void meet_remove(const struct meet *m);

#endif

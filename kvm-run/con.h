/* SPDX-License-Identifier: ISC */
/*
 * A console's outer side: the in:out descriptors of a con wire. Input is read on the main thread only while the guest
 * takes it; output goes through a bounded buffer and a thread that may block in write(2) as long as it likes. No
 * descriptor is made non-blocking: its file description is shared with the shell.
 */
#ifndef KVM_RUN_CON_H
#define KVM_RUN_CON_H

#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"

#define CON_OUT_MAX (1 << 20) /* output not yet written; what comes on top of it is dropped */
#define CON_IN_MAX 4096	      /* input read and not yet taken */

struct con;
struct vm;

/* The guest's side of a console. */
struct con_front {
	/* Takes some of len bytes, returns how many; having refused some it calls con_room() when it can take more. Main thread. */
	size_t (*input)(void *dev, const uint8_t *data, size_t len);
	/* The user sent a break (Ctrl-A b). Main thread. May be NULL. */
	void (*send_break)(void *dev);
	/* The window of the terminal has this size now. Main thread. May be NULL. */
	void (*resize)(void *dev, unsigned cols, unsigned rows);
};

/* Opens the console of a checked wire for the front; its input starts with the main loop. SIGPIPE must be ignored.
 * NULL, or the reason in why. Main thread. */
const char *con_open(struct con **out, struct vm *vm, const struct wire *w, const struct con_front *front, void *dev,
    char *why, size_t size);

/* Output of the guest. Copies; never blocks. Any thread. */
void con_write(struct con *c, const void *data, size_t len);

/* The front can take input again. Cheap when nothing waits. Any thread. */
void con_room(struct con *c);

/* Writes what is left, for a second at most, restores the terminal, frees. Main thread. NULL is ignored. */
void con_close(struct con *c);

#endif

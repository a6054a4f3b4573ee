/* SPDX-License-Identifier: ISC */
/*
 * Where viewers come in: listeners, by words. ADDRESS:PORT, or a display's number for a port below 100 (:1 is 5901), of loopback
 * where no address is given; a path, with ,mode=OCTAL behind it; @N, a listening socket that is open already.
 */
#ifndef VM_VNC_DOORS_H
#define VM_VNC_DOORS_H

#include <stdio.h>

#include "common/control.h"
#include "common/listener.h"
#include "common/why.h"
#include "vm-vnc/meeting.h"

#define DOORS_MAX 32

struct doors {
	const struct policy *policy;
	struct meetings *meetings; /* NULL: they are not served yet */
	struct door {
		int fd; /* -1: none */
		bool served;
		struct listener listener; /* once it is */
		struct doors *all;
		enum gate_kind kind;
		char word[ADDRESS_TEXT_MAX];
		char path[ADDRESS_TEXT_MAX]; /* to be removed at the end; else empty */
	} list[DOORS_MAX];
};

void doors_init(struct doors *ds, const struct policy *policy);

/* Opens one. With given, @N is the N-th of them, which is taken, else a descriptor of this program. NULL, or why not. */
const char *doors_open(struct doors *ds, const char *word, bool browser, struct control_fds *given, struct why *w);
const char *doors_close(struct doors *ds, const char *word);

/* Begins to serve those that are open, and all later ones. 0 or -errno. */
int doors_serve(struct doors *ds, struct meetings *ms);

/* A line each: the word and what comes in there, with a tab between. */
void doors_print(const struct doors *ds, FILE *out);

/* All closed, their paths removed; or, in a process forked for something else, closed there. */
void doors_end(struct doors *ds);
void doors_forked(struct doors *ds);

/* "5901", ":1", "10.0.0.1:1", "[::1]:5901": port is 5900 and more for displays. False when it is none. */
bool doors_parse(union address *a, const char *word, bool display, const char **why);

#endif

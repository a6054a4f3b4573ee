/* SPDX-License-Identifier: ISC */
/* The process that places the threads of a loader's guest as they appear. */
#ifndef VM_PIN_WATCH_H
#define VM_PIN_WATCH_H

#include <stdbool.h>

#include "vm-pin/host.h"
#include "vm-pin/layout.h"
#include "vm-pin/place.h"

struct watch_guest {
	int root;
	pid_t program;	 /* the guest is this process or a descendant of it */
	int program_dir; /* its directory in /proc */
	int held;	 /* the number of the descriptor that the program inherits, and what it is called there: "pipe:[1234]" */
	char wire[32];
	struct places places;
	bool automatic; /* -a: by layout, which was begun */
	struct layout layout;
	int hold;  /* reads EOF when the guest, and whoever else holds the wire, has ended */
	int ready; /* gets a newline when all threads of the guest are in their places; -1: none */
};

/* Watches until then. Returns the exit status; arg is a struct watch_guest. For keeper_start. */
int watch_guest(void *arg);

#endif

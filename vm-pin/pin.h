/* SPDX-License-Identifier: ISC */
/* Pinning a guest, all of it or nothing: its threads, its cpuset, its memory. */
#ifndef VM_PIN_PIN_H
#define VM_PIN_PIN_H

#include "vm-pin/change.h"
#include "vm-pin/cpuset.h"
#include "vm-pin/guest.h"
#include "vm-pin/place.h"

struct pin {
	struct guest guest;
	struct places places;
	struct changes changes;
	struct cpus nodes, cpus; /* of memory=, cpuset= */
	struct cpuset cpuset;
};

/* Looks what is to be changed. Every fault is printed; how many there were. */
unsigned pin_plan(struct pin *p);

/* Does so, having noted in the record below dir (see record.h) how it was. NULL, or why not: then nothing is changed. */
const char *pin_make(struct pin *p, const char *dir, struct why *w);

void pin_free(struct pin *p);

#endif

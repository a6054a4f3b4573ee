/* SPDX-License-Identifier: ISC */
/* Changes to where threads run: looked at, made, and taken back, one thread at a time or all or none. */
#ifndef VM_PIN_CHANGE_H
#define VM_PIN_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/why.h"
#include "vm-pin/cpulist.h"
#include "vm-pin/guest.h"
#include "vm-pin/sched.h"

struct change {
	struct guest_thread thread;
	bool moves, reclasses; /* what is asked for: */
	struct cpus cpus;      /* all of them: anywhere */
	struct sched class;
	uint64_t start; /* change_look's: when the thread was started, which tells it from a later one of the same number, */
	struct cpus cpus_before; /* and how it was; all where nothing kept it anywhere */
	struct sched class_before;
	bool moved, reclassed; /* what has been done of it */
	bool ended;	       /* why it failed: the thread is no more */
};

struct changes {
	struct change *v;
	size_t n;
};

/* Whether it is every CPU there can be, and so no pin at all. */
bool cpus_any(const struct cpus *c);

/*
 * Looks at how the thread is now. online: the CPUs that are. *fixed: the kernel lets nobody move it (workers of io_uring), so that
 * the change is to be forgotten. NULL, or why it cannot be done.
 */
const char *change_look(struct change *c, const struct guest *g, const struct cpus *online, bool *fixed, struct why *w);

/* Makes it, and looks whether it came true: a CPU that went offline, a cpuset, are no success. NULL, or why not, of the thread. */
const char *change_make(struct change *c, const struct guest *g, struct why *w);

/* Makes the thread what it was, as far as it was changed and is still there. False when that failed, which was told. */
bool change_take_back(struct change *c);

/* Whether the thread is still the one that change_look saw. */
bool change_same(const struct change *c, const struct guest *g);

/*
 * Makes those from the one with that number on; after a failure nothing is changed of any of them. Workers come and go: only of vCPUs
 * is it a failure when one has ended, and of the guest. NULL, or why not, with the thread's name.
 */
const char *changes_make(struct changes *c, size_t from, const struct guest *g, struct why *w);
void changes_take_back(struct changes *c);
void changes_free(struct changes *c);

/* When the guest's process was started, in ticks since the host was. 0 when it has ended. */
uint64_t guest_start(const struct guest *g);

/* "vcpu0", "net0": what a thread is called in diagnostics. */
const char *thread_label(const struct guest_thread *t, char text[32]);

#endif

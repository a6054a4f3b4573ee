/* SPDX-License-Identifier: ISC */
/* Places: the words that say which threads of a guest shall run where, and how. The grammar is in vm-pin(1). */
#ifndef VM_PIN_PLACE_H
#define VM_PIN_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/why.h"
#include "vm-pin/cpulist.h"
#include "vm-pin/guest.h"
#include "vm-pin/sched.h"

/* CPUs as people write them. */
struct cpu_choice {
	struct cpus set;
	uint16_t *order; /* its members in the order in which they were written, for one each */
	size_t n;
	bool any; /* wherever the kernel likes: set has all, also those that are not there yet */
};

struct place {
	const char *word; /* as given; not a copy */
	enum place_rank {
		PLACE_ALL,
		PLACE_KIND,
		PLACE_LISTED,
	} rank; /* the more particular of two places that concern a thread prevails, and of equals the later */
	enum thread_kind kind; /* PLACE_KIND */
	struct cpus vcpus;     /* PLACE_LISTED */
	bool has_cpus, each;   /* each: not all of cpus to every thread, but one each */
	struct cpu_choice cpus;
	bool has_class;
	struct sched class;
};

/* What is said of the guest as a whole: memory=, cpuset=. */
struct place_sum {
	const char *word; /* NULL: not asked for */
	bool of_places;	  /* auto: what the places come to */
	struct cpus set;  /* nodes, CPUs */
};

struct places {
	struct place *v;
	size_t n;
	struct place_sum memory, cpuset;
	struct cpu_choice within; /* for -a: n is 0 when not given */
};

/*
 * Reads a word. root is of host_root: what is online, isolated, or of a node is looked up. Returns NULL, or why it is no place.
 * The word stays the caller's and is to live as long as ps. Any text may be read.
 */
const char *place_add(struct places *ps, const char *word, int root, struct why *w);

/* place_add of each word of a list: parted by blanks and ends of lines, '#' to the end of the line is a comment. Cuts text up. */
const char *place_add_list(struct places *ps, char *text, int root, struct why *w);

void places_free(struct places *ps);

/* Those that prevail for a thread: whose CPUs, whose class; NULL where none says anything. */
const struct place *place_cpus_of(const struct places *ps, const struct guest_thread *t);
const struct place *place_class_of(const struct places *ps, const struct guest_thread *t);

/* The CPUs that p has for a thread. False: one each was said, and this thread comes behind the last. */
bool place_cpus(const struct place *p, const struct guest_thread *t, struct cpus *c);

#endif

/* SPDX-License-Identifier: ISC */
/* Sets of CPUs, and the kernel's ways to write them. */
#ifndef VM_PIN_CPULIST_H
#define VM_PIN_CPULIST_H

#include <stdbool.h>
#include <stddef.h>

#define CPUS_MAX 8192 /* the kernel's largest NR_CPUS, on x86 */
#define CPUS_BITS (8 * (unsigned)sizeof(unsigned long))
#define CPULIST_TEXT 256 /* enough for what people read; a set that needs more is cut with "..." */

/* All zero is the empty set. The words are those of sched_setaffinity(2), so that sizeof(struct cpus) and v are its arguments. */
struct cpus {
	unsigned long v[CPUS_MAX / CPUS_BITS];
};

/*
 * Reads "0-3,8,16-31:2" (a stride, as taskset(1) has it: every second) or a mask, "0xff" or, as /proc has those of many CPUs,
 * "0xff,00000000". The empty text is the empty set. False when it is neither, or names a CPU beyond CPUS_MAX.
 */
bool cpus_parse(struct cpus *c, const char *text);

/* Writes "0-3,8" and returns text; "" for the empty set. What does not fit ends in "...". */
const char *cpus_text(const struct cpus *c, char *text, size_t size);

void cpus_add(struct cpus *c, unsigned cpu);
void cpus_del(struct cpus *c, unsigned cpu);
bool cpus_has(const struct cpus *c, unsigned cpu);

/* The lowest member from `from` on; CPUS_MAX at the end. `for (unsigned c = cpus_next(s, 0); c < CPUS_MAX; c = cpus_next(s, c + 1))` */
unsigned cpus_next(const struct cpus *c, unsigned from);
unsigned cpus_count(const struct cpus *c);
bool cpus_empty(const struct cpus *c);
bool cpus_equal(const struct cpus *a, const struct cpus *b);
bool cpus_within(const struct cpus *part, const struct cpus *whole);
bool cpus_meet(const struct cpus *a, const struct cpus *b); /* have a member in common */

/* a becomes a AND b; a OR b; a without b. */
void cpus_and(struct cpus *a, const struct cpus *b);
void cpus_or(struct cpus *a, const struct cpus *b);
void cpus_without(struct cpus *a, const struct cpus *b);

#endif

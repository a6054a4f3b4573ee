/* SPDX-License-Identifier: ISC */
/*
 * What vCPUs and devices have done since the start, in numbers. Each is counted by the one thread that does it, without
 * locks; the main thread reads whatever has come to its eyes.
 */
#ifndef KVM_RUN_STATS_H
#define KVM_RUN_STATS_H

#include <stdint.h>

#include "kvm-run/ctl.h"

struct disk;
struct vm;

/* Takes the numbers: first of all the one whose they are, then each. */
struct stats_sink {
	void (*owner)(struct stats_sink *s, const char *id);
	void (*number)(struct stats_sink *s, const char *name, uint64_t value);
};

/* The following are the main thread's. */

/* All of them. */
void stats_collect(const struct vm *vm, struct stats_sink *s);

/* For devices: those of a disk, for whichever thread counts them. */
void stats_disk(struct stats_sink *s, const struct disk *d);

/* One line for each vCPU and device to stderr, without what is 0. */
void stats_report(const struct vm *vm);

/* The request `stats`: id, name, number. */
enum ctl_done ctl_stats(struct ctl_request *r, char **word);

/* On the one thread that counts there, so that no locked instruction is needed. */
static inline void
stats_count(uint64_t *counter, uint64_t n)
{
	__atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Another thread's counter. */
static inline uint64_t
stats_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

#endif

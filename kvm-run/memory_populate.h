/* SPDX-License-Identifier: ISC */
/* Taking all pages of the guest's memory from the host, before the guest needs them: -P. */
#ifndef KVM_RUN_MEMORY_POPULATE_H
#define KVM_RUN_MEMORY_POPULATE_H

#include <stdbool.h>

#include "common/why.h"
#include "kvm-run/mem.h"

/* Has the pages of len bytes at `at` there, whole ones of m, with what they hold unchanged. 0 or the errno: EFAULT where the host
 * has no page. Any thread. */
int memory_take(const struct guest_mem *m, void *at, uint64_t len);

/*
 * Has every page there, by as many threads as this process may use CPUs, of which the caller's is one; with zero they are
 * all zero afterwards, else they stay as they are. With show, progress is on stderr, and SIGUSR1 asks for it in any case.
 * NULL or the reason: where the host has no page there is no signal, but an error.
 */
const char *memory_populate(const struct guest_mem *m, bool zero, bool show, struct why *w);

#endif

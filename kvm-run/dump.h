/* SPDX-License-Identifier: ISC */
/*
 * Dumps of the guest, asked for by control clients. A process forked off writes one: of private memory it has, so to speak, a
 * photograph, and the guest runs on at once; of memory that is shared it has no other than the guest, which is held meanwhile.
 * One at a time. Main thread.
 */
#ifndef KVM_RUN_DUMP_H
#define KVM_RUN_DUMP_H

#include "kvm-run/ctl.h"

/* The request: into the descriptor that came with it. */
enum ctl_done ctl_dump(struct ctl_request *r, char **word);

/* A line of the status, of one that is under way. */
void dump_print_status(const struct vm *vm, struct ctl_answer *a);

/* Memory changes now: one for which the guest is held fails. */
void dump_before_reset(struct vm *vm);

/* Ends one that is under way, and forgets the last. */
void dump_end(struct vm *vm);

#endif

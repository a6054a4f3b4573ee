/* SPDX-License-Identifier: ISC */
/* Pages of the guest's memory that the host does not have when they are needed: a hugetlbfs that is used up, a file cut
 * short or on a full file system, broken memory. */
#ifndef KVM_RUN_MEMORY_FAULT_H
#define KVM_RUN_MEMORY_FAULT_H

struct vm;

/*
 * From now on such an access of a thread (SIGBUS) says so and ends the guest as a failure of the host, in good order: its
 * disks are written. Once; vm->mem is there.
 */
void memory_fault_watch(struct vm *vm);

/* What EFAULT of KVM_RUN means. */
const char *memory_fault_reason(const struct vm *vm);

#endif

/* SPDX-License-Identifier: ISC */
/* What the guest's page tables map of its RAM: so that a debugger finds a virtual address in a dump. */
#ifndef KVM_RUN_DUMP_MAP_H
#define KVM_RUN_DUMP_MAP_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvm-run/mem.h"

/* RAM of one piece, and where the dump has it. */
struct dump_piece {
	uint64_t gpa, size;
	uint64_t off; /* of the file */
};

struct dump_mapping {
	uint64_t virt, phys, size;
};

struct dump_maps {
	const struct guest_mem *mem;
	const struct dump_piece *pieces;
	size_t npieces;
	struct dump_mapping *v; /* the caller's, room for max */
	size_t n, max;
	uint64_t budget; /* page tables that may yet be read: a guest's may form loops, or be one table used over and over */
	bool begun;
	uint64_t root[512]; /* of the tables before, to know what others have beyond them */
};

/* Nothing is mapped yet; a budget that page tables of use do not exhaust. The other members are the caller's to set before. */
void dump_maps_init(struct dump_maps *m);

/*
 * Adds what a vCPU of these registers maps: of the first one everything; of the others in long mode that part of the upper
 * half, which is the kernel's, that those before did not have. Nothing without paging. Of adjacent pages one mapping is
 * made; those beyond max are left out.
 */
void dump_maps_add(struct dump_maps *m, const struct kvm_sregs *s);

#endif

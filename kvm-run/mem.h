/* SPDX-License-Identifier: ISC */
/* Guest memory: one mapping, seen by the guest below the PCI hole and, past it, from 4 GiB on. */
#ifndef KVM_RUN_MEM_H
#define KVM_RUN_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MEM_HOLE_START 0x80000000ULL /* RAM ends here at the latest; ECAM, PCI windows, APICs up to 4 GiB */
#define MEM_HIGH_START 0x100000000ULL

/* KVM's slots of memory, all of them. */
enum {
	MEM_SLOT_LOW,
	MEM_SLOT_HIGH,	     /* from 4 GiB on */
	MEM_SLOT_ABOVE_VGA,  /* with a VGA, low memory from C0000 on */
	MEM_SLOT_VGA,	     /* its linear memory */
	MEM_SLOT_VGA_WINDOW, /* what of its memory is seen below C0000 */
	MEM_SLOT_FIRMWARE,   /* below 4 GiB */
	MEM_SLOT_ROM,	     /* option ROMs: from here on, one a PCI slot */
};

struct guest_mem {
	uint8_t *base;	    /* size bytes; NULL before mem_init */
	uint64_t size;	    /* all RAM */
	uint64_t low_size;  /* at gpa 0 */
	uint64_t high_size; /* at gpa 4 GiB, base + low_size here */
	int fd;		    /* of a mem wire, else -1: anonymous private memory */
};

/* Maps size bytes, of fd shared when fd >= 0. NULL or the reason ("Cannot allocate memory"). */
const char *mem_init(struct guest_mem *m, uint64_t size, int fd);

/*
 * The host address of len bytes at gpa, or NULL unless all of them are RAM of one piece. The only way to guest memory:
 * a device never computes an address itself. Any thread.
 */
void *guest_ptr(const struct guest_mem *m, uint64_t gpa, uint64_t len);

/* Reads len bytes of the file at off into RAM; whole pages of a regular file are mapped privately instead of copied when
 * RAM is private and the alignments allow. NULL or the reason. Set-up and reset only. */
const char *mem_load(struct guest_mem *m, uint64_t gpa, int fd, uint64_t off, uint64_t len);

/* Zeroes all RAM by giving it back to the host, for a reset. NULL or the reason. No vCPU and no device may run. */
const char *mem_clear(struct guest_mem *m);

#endif

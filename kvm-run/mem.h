/* SPDX-License-Identifier: ISC */
/* Guest memory: one mapping, seen by the guest below the PCI hole and, past it, from 4 GiB on; then what virtio-mem plugs in. */
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
	MEM_SLOT_BARS = MEM_SLOT_ROM + 32, /* of assigned devices: from here on, some a PCI slot */
	MEM_SLOTS_A_DEVICE = 8,
	MEM_SLOT_HOT = MEM_SLOT_BARS + 32 * MEM_SLOTS_A_DEVICE, /* virtio-mem's pieces, from here on */
};

/* Memory that virtio-mem plugs in and out, right behind RAM in the mapping and in the file. */
struct mem_hot {
	uint64_t start;	   /* guest address */
	uint64_t size;	   /* 0: none */
	uint64_t block;	   /* unit of plugging, a power of two */
	uint64_t *plugged; /* a bit a block, read by any thread, see mem_plug */
};

/* Offsets of the mapping. */
struct mem_extent {
	uint64_t start, end;
};

struct guest_mem {
	uint8_t *base;	    /* size + hot.size bytes; NULL before mem_init */
	uint64_t size;	    /* all RAM, without hot */
	uint64_t low_size;  /* at gpa 0 */
	uint64_t high_size; /* at gpa 4 GiB, base + low_size here */
	int fd;		    /* of a mem wire or memfd, else -1: anonymous private memory */
	uint64_t page;	    /* of the backing, bytes: nothing smaller can be given back */
	bool keep;	    /* preallocated, locked, of huge pages or seen by real devices: each page of RAM stays what it is */
	bool copy;	    /* files are copied into it, and not mapped, as into what is kept */
	bool merge;	    /* private memory: KSM may merge it */
	int advice;	    /* of madvise for all of it, or 0: none */
	unsigned nfiles;
	struct mem_extent files[8]; /* where files are mapped, or close to it: see mem_load */
	struct mem_hot hot;
};

/* Maps size + hot bytes, of fd shared when fd >= 0; nothing of hot is plugged. With hot both are whole blocks of 2 MiB, or of
 * the pages where those are larger. NULL or the reason ("Cannot allocate memory"). */
const char *mem_init(struct guest_mem *m, uint64_t size, uint64_t hot, int fd);

/* Advises the host of len bytes at `at` as m->advice and m->merge say. False with errno. */
bool mem_advise(const struct guest_mem *m, void *at, uint64_t len);

/*
 * The host address of len bytes at gpa, or NULL unless all of them are RAM of one piece, plugged in. The only way to guest memory:
 * a device never computes an address itself. Any thread.
 */
void *guest_ptr(const struct guest_mem *m, uint64_t gpa, uint64_t len);

/* Reads len bytes of the file at off into RAM. NULL or the reason. Set-up and reset only. */
const char *mem_read(struct guest_mem *m, uint64_t gpa, int fd, uint64_t off, uint64_t len);

/* The same for what the guest touches in part: whole pages of a regular file are mapped privately instead of read when RAM is
 * private and the alignments allow. */
const char *mem_load(struct guest_mem *m, uint64_t gpa, int fd, uint64_t off, uint64_t len);

/* Zeroes all memory by giving it back to the host, for a reset; not of memory that is kept. NULL or the reason. No vCPU and
 * no device may run. */
const char *mem_clear(struct guest_mem *m);

/*
 * Gives len bytes at `at`, all within the mapping, back to the host: whole pages of the backing, the first and the last one
 * only if they are in it whole. They are zero afterwards; what cannot be given back keeps its bytes, as do RAM that is to be
 * kept and pages beside it. The bytes given back.
 * Any thread, also while the guest runs.
 */
uint64_t mem_discard(const struct guest_mem *m, void *at, uint64_t len);

/* Blocks first .. first + n of hot are the guest's from now on, or no longer. One thread at a time. */
void mem_plug(struct guest_mem *m, uint64_t first, uint64_t n, bool in);

/* Are all, or is none, of them plugged? */
bool mem_plugged(const struct guest_mem *m, uint64_t first, uint64_t n, bool in);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A dump as a file: an ELF core (System V ABI; AMD64 supplement) as QEMU's dump-guest-memory -p makes it. Program headers: the
 * notes; what the page tables map, with virtual addresses; all RAM, with its guest-physical ones. Notes, for each vCPU:
 * NT_PRSTATUS of its registers, and "QEMU" with its control registers and segments, which crash(8) wants; VMCOREINFO of a guest
 * that has one.
 */
#ifndef KVM_RUN_DUMP_FILE_H
#define KVM_RUN_DUMP_FILE_H

#include <linux/kvm.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvm-run/dump_find.h"
#include "kvm-run/dump_map.h"

#define DUMP_PIECES_MAX 512
#define DUMP_MAPPINGS_MAX 32768 /* with the others fewer than an ELF header can count, 65535 */

struct dump_cpu {
	unsigned index;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	uint64_t kernel_gs_base;
};

struct dump_file {
	int fd;
	const struct guest_mem *mem;
	struct dump_cpu *cpus;
	unsigned ncpus;
	struct dump_piece pieces[DUMP_PIECES_MAX];
	size_t npieces;
	struct dump_maps maps;
	uint8_t vmcoreinfo[DUMP_VMCOREINFO_MAX];
	uint32_t vmcoreinfo_size;
	uint8_t *buf;		 /* see dump_file_size */
	_Atomic uint64_t *done;	 /* bytes of RAM so far, for whoever wants to know */
};

/* Lists the guest's RAM, with what is plugged in. False: it is in too many pieces. */
bool dump_file_plan(struct dump_file *f, const struct guest_mem *mem);

/* Bytes that buf has to have: for all that is written before RAM, or of RAM at a time. */
size_t dump_file_buffer(const struct dump_file *f);

/* Bytes of RAM. */
uint64_t dump_file_ram(const struct dump_file *f);

/*
 * Writes it: to a regular file with holes where memory is zero, from where its offset is and to its end; to anything else
 * byte by byte. No memory is allocated: a process forked off a threaded one can do it. 0 or an errno.
 */
int dump_file_write(struct dump_file *f);

#endif

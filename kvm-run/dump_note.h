/* SPDX-License-Identifier: ISC */
/* The notes of a dump: the registers of each vCPU. */
#ifndef KVM_RUN_DUMP_NOTE_H
#define KVM_RUN_DUMP_NOTE_H

#include <stddef.h>
#include <stdint.h>

struct dump_cpu;

/* Bytes of the notes of so many vCPUs. */
size_t dump_note_size(unsigned ncpus);

/* Writes them to p. */
void dump_note_make(uint8_t *p, const struct dump_cpu *cpus, unsigned ncpus);

#endif

/* SPDX-License-Identifier: ISC */
/* Finding what a Linux guest has ready for whoever reads its dump: the VMCOREINFO note, by which crash(8) and others know its
 * layout and where KASLR has put it. */
#ifndef KVM_RUN_DUMP_FIND_H
#define KVM_RUN_DUMP_FIND_H

#include <stdint.h>

#include "kvm-run/dump_map.h"

#define DUMP_VMCOREINFO_MAX 4120 /* with its head and name */

/* Copies the whole note, as it lies in the guest's RAM at the start of a page, to `to`. Its bytes, 0: there is none. */
uint32_t dump_find_vmcoreinfo(const struct guest_mem *mem, const struct dump_piece *pieces, size_t npieces, uint8_t *to);

#endif

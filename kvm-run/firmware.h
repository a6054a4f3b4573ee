/* SPDX-License-Identifier: ISC */
/*
 * Firmware in place of a kernel: the image of the fw wire below 4 GiB, where the processor begins, and its end below
 * 1 MiB; what it is told by fw_cfg; option ROMs of other devices.
 */
#ifndef KVM_RUN_FIRMWARE_H
#define KVM_RUN_FIRMWARE_H

#include <stddef.h>

struct vm;
struct wire;

/* The fw wire that is the machine's firmware, or NULL. */
const struct wire *firmware_wire(const struct vm *vm);

/*
 * Maps the firmware, if there is any, makes its fw_cfg, and gives devices their option ROMs (fw wires with of=). After the
 * other devices. NULL or the reason.
 */
const char *firmware_create(struct vm *vm, char *why, size_t size);

/* Power-on: into cleared memory what is not ROM, and fw_cfg's files anew. vCPUs are stopped, in their power-on state, which
 * begins at the firmware. NULL or the reason. */
const char *firmware_load(struct vm *vm);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The display adapter that firmware and every system know: a VGA, with Bochs's extension (DISPI) for large pictures in
 * linear memory. PCI 1234:1111, as QEMU's "standard VGA". See vga_dev.h for its parts.
 */
#ifndef KVM_RUN_VGA_H
#define KVM_RUN_VGA_H

#include <stdint.h>

struct vm;
struct vm_device;
struct wire;

/* The guest-physical addresses that belong to a VGA and not to RAM, where there is one. */
#define VGA_WINDOW 0xa0000ULL
#define VGA_WINDOW_END 0xc0000ULL

/*
 * Makes the machine's VGA, vm->vga and d, for a checked fb wire. It begins as a BIOS leaves it: 80 by 25 characters, an
 * empty screen. The machine's memory leaves its window out. NULL or the reason.
 */
const char *vga_create(struct vm *vm, const struct wire *w, struct vm_device *d);

#endif

/* SPDX-License-Identifier: ISC */
/* Interrupt routes of the in-kernel irqchip: PIC and IO-APIC pins on GSI 0..23, message-signalled ones above. */
#ifndef KVM_RUN_IRQ_H
#define KVM_RUN_IRQ_H

#include <stdbool.h>
#include <stdint.h>

struct vm;

/* Creates PICs, IO-APIC and the timer, with the pins' routes. NULL, or what failed (errno says why). Before the vCPUs. */
const char *irqchip_create(struct vm *vm);

/* Back to power-on state. No vCPU runs. */
void irqchip_reset(struct vm *vm);

/* A GSI for one message-signalled vector, or -ENOSPC. */
int irq_msi_alloc(struct vm *vm);
void irq_msi_free(struct vm *vm, uint32_t gsi);

/* Routes the GSI to the message and assigns the eventfd to it; a count already in the eventfd is delivered at once. */
int irq_msi_arm(struct vm *vm, uint32_t gsi, int fd, uint64_t addr, uint32_t data);

/* Assigns an eventfd to a pin of the IO-APIC: each count raises its level; when the guest has handled it the level falls
 * and `handled` counts, which is to raise it again if there is still cause. With `on` false it is taken away. 0 or -errno. */
int irq_pin_level(struct vm *vm, uint32_t gsi, int fd, int handled, bool on);

/* From now on the eventfd only counts. */
void irq_msi_disarm(struct vm *vm, uint32_t gsi, int fd);

#endif

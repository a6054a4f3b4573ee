/* SPDX-License-Identifier: ISC */
/*
 * The ICH9's LPC bridge at 00:1f.0 and what hangs off it: ACPI power management (events, power-off, timer), the reset
 * ports, our register block for hot-plugged PCI slots. acpi.c describes these to the guest.
 */
#ifndef KVM_RUN_LPC_H
#define KVM_RUN_LPC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm-run/pci.h"

#define LPC_SCI 9 /* GSI of the system control interrupt: level, active high */

/* The PIC's line that a PIRQ, 0 to 7, is routed to until the guest says otherwise; firmware says the same. */
#define LPC_PIRQ_LINE(pirq) ((pirq) & 2 ? 11 : 10)

/* The power management block: offsets from LPC_PM_BASE as in the ICH9 data sheet, 13.8.3. */
#define LPC_PM_BASE 0x600
#define LPC_PM_SIZE 0x80
#define LPC_PM1_EVENT 0x00   /* status, then enable: 2 bytes each */
#define LPC_PM1_CONTROL 0x04 /* 2 bytes */
#define LPC_PM_TIMER 0x08    /* 4 bytes */
#define LPC_GPE0 0x20	     /* status, then enable */
#define LPC_GPE0_BYTES 8     /* of each */
#define LPC_SLEEP_OFF 5	     /* SLP_TYP that is soft-off, _S5 */

#define LPC_RESET_PORT 0xcf9
#define LPC_RESET_VALUE 6 /* full reset, through RST_CPU */

/*
 * Hot-plugged slots, three dwords, a bit a slot; general-purpose event LPC_GPE_HOTPLUG says that UP or DOWN changed.
 *   +0 UP     slots with a device that was not there before; writing ones clears them
 *   +4 DOWN   slots whose device is wanted back; writing ones clears them
 *   +8 EJECT  write only: the guest let go of these slots' devices
 */
#define LPC_HOTPLUG_BASE 0xae00
#define LPC_HOTPLUG_SIZE 12
#define LPC_GPE_HOTPLUG 1
#define LPC_GPE_CPU 2 /* cpuhp.h */

struct lpc {
	struct pci_dev pci;
	pthread_mutex_t lock; /* everything below; vm_irq_line is called with it held, so that levels keep their order */
	uint16_t pm1_status, pm1_enable, pm1_control;
	uint8_t gpe_status[LPC_GPE0_BYTES], gpe_enable[LPC_GPE0_BYTES];
	bool sci;	      /* the line's level */
	uint64_t timer_start; /* CLOCK_MONOTONIC in ns when the timer was 0 */
	uint32_t slots_up, slots_down;
	uint8_t reset_control, port92;

	/* Called on a vCPU thread, without the lock, when the guest ejects slots (a bit each). May be NULL. */
	void (*eject)(struct vm *vm, uint32_t slots);
};

/* The bridge on the vm's PCI bus (already there) and its ports on the bus of ports; vm->lpc becomes l. */
void lpc_init(struct lpc *l, struct vm *vm);

/* Power-on state, but for configuration space, which pci_reset takes care of. vCPUs are stopped. */
void lpc_reset(struct lpc *l);

/* The guest sees the power button pressed. Any thread. */
void lpc_power_button(struct lpc *l);

/* Tells the guest that a device was put into the slot, or (add false) that its device is wanted back. Any thread. */
void lpc_hotplug_notify(struct lpc *l, unsigned slot, bool add);

/* A general-purpose event happened, LPC_GPE_.... Any thread. */
void lpc_event(struct lpc *l, unsigned gpe);

/* Port 0xcf9, which lies within the PCI host bridge's range: called from there. */
void lpc_reset_control(struct vm *vm, void *data, bool write);

#endif

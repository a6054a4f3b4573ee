/* SPDX-License-Identifier: ISC */
/* The PC's clock chip and its battery-backed memory: an MC146818 at ports 0x70 and 0x71 that shows the host's UTC. */
#ifndef KVM_RUN_RTC_H
#define KVM_RUN_RTC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"

struct vm;

#define RTC_IRQ 8 /* GSI: updates and alarms; there are no periodic interrupts */

struct rtc {
	struct vm *vm;
	pthread_mutex_t lock;
	uint8_t index;
	uint8_t ram[128]; /* the time's bytes are valid only while the SET bit holds the clock */
	int64_t offset;	  /* seconds by which the guest's clock is ahead of the host's */
	int64_t seen;	  /* the guest's second up to which updates and alarms have been noted */
	struct watch tick; /* timerfd: every second while an interrupt for it is enabled */
	bool ticking;
};

/* Its ports on the vm's bus, its timer in the vm's loop; vm->rtc becomes r. Memory size and vCPU count are taken from the
 * vm. 0 or -errno. */
int rtc_init(struct rtc *r, struct vm *vm);

/* Power-on state, but for the time and the memory: they have a battery. vCPUs are stopped. */
void rtc_reset(struct rtc *r);

#endif

/* SPDX-License-Identifier: ISC */
/* The PC's clock chip and its battery-backed memory: an MC146818 at ports 0x70 and 0x71 that shows the host's UTC. */
#ifndef KVM_RUN_RTC_H
#define KVM_RUN_RTC_H

#include <pthread.h>
#include <stdint.h>

struct vm;

struct rtc {
	struct vm *vm;
	pthread_mutex_t lock;
	uint8_t index;
	uint8_t ram[128]; /* the time's bytes are valid only while the SET bit holds the clock */
	int64_t offset;	  /* seconds by which the guest's clock is ahead of the host's */
};

/* Its ports on the vm's bus; vm->rtc becomes r. Memory size and vCPU count are taken from the vm. */
void rtc_init(struct rtc *r, struct vm *vm);

/* Power-on state, but for the time and the memory: they have a battery. vCPUs are stopped. */
void rtc_reset(struct rtc *r);

#endif

/* SPDX-License-Identifier: ISC */
/* Virtual processors: their threads, their state at power-on, the exits to user space. */
#ifndef KVM_RUN_VCPU_H
#define KVM_RUN_VCPU_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vm;
struct kvm_run;
struct vcpu_state;

struct vcpu {
	struct vm *vm;
	unsigned index; /* also its APIC id */
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	pid_t tid;
	struct vcpu_state *fresh; /* power-on state, for a reset */
};

/* Where the boot processor starts: set by boot.c. */
struct boot_entry {
	uint64_t rip;
	uint64_t rsi; /* boot_params (64-bit entry) */
	uint64_t rbx; /* start_info (PVH) */
	bool long_mode; /* 64-bit with the page tables at cr3, else flat 32-bit */
	uint64_t cr3;
	uint64_t gdt; /* of the selectors that the 64-bit entry asks for */
};

/* Creates all vCPUs with CPUID and power-on state; no thread yet. NULL or the reason. */
const char *vcpus_create(struct vm *vm);

/* Gives the boot processor its entry; the others wait for INIT and SIPI. Dies on failure: the host refused valid state. */
void vcpus_set_entry(struct vm *vm, const struct boot_entry *e);

/* Starts the threads, vcpu0.... They wait until vcpus_resume. Dies on failure. */
void vcpus_start(struct vm *vm);

/* Main thread. On return every vCPU is outside KVM_RUN and stays there / may run again. */
void vcpus_pause(struct vm *vm);
void vcpus_resume(struct vm *vm);

/* Main thread, vCPUs paused: power-on state of all of them. */
void vcpus_reset(struct vm *vm);

/* Ends and joins the threads. Main thread. */
void vcpus_end(struct vm *vm);

#endif

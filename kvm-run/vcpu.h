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

/* Why a vCPU was out of the guest; KVM counts what it does itself. */
enum vcpu_exit { VCPU_EXIT_IO, VCPU_EXIT_MMIO, VCPU_EXIT_SIGNAL, VCPU_EXIT_OTHER, VCPU_EXITS };

struct vcpu {
	struct vm *vm;
	unsigned index; /* its APIC id: topology_apic_id() */
	bool plugged; /* it is part of the machine, and has a thread once they are started */
	bool ending;  /* its thread is to end */
	int fd; /* 0: never plugged in, so that KVM does not know it */
	int stats_fd; /* see stats_kvm_open */
	struct kvm_run *run;
	pthread_t thread;
	pid_t tid;
	uint64_t exits[VCPU_EXITS];
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

/* Makes room for all, and creates those that are there at the start, with CPUID and power-on state; no thread yet. NULL or
 * the reason. */
const char *vcpus_create(struct vm *vm);

/* The next one that is plugged in, the first for NULL; NULL after the last. Main thread. */
struct vcpu *vcpu_next(const struct vm *vm, const struct vcpu *v);

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

/* A vCPU more while the machine runs, in power-on state: it waits for INIT and SIPI. NULL, or the reason (errno says why).
 * Main thread. */
const char *vcpu_plug(struct vcpu *v);

/* One less: its thread ends. KVM cannot forget a vCPU, so it is kept, deaf, for the next vcpu_plug. Main thread. */
void vcpu_unplug(struct vcpu *v);

/* --- between vcpu.c, the threads, and vcpu_setup.c --- */

/* Starts its thread, which says who it is and then waits or runs as the others do. 0 or an errno. */
int vcpu_start(struct vcpu *v);

/* Ends it. */
void vcpu_end(struct vcpu *v);

#endif

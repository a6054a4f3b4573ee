/* SPDX-License-Identifier: ISC */
/* vCPU threads: run, dispatch the exit, pause on demand. The contracts are in vcpu.h; state is in vcpu_state.c. */
#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/memory_fault.h"
#include "kvm-run/hyperv.h"
#include "kvm-run/seal_threads.h"
#include "kvm-run/stats.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vcpu_state.h"
#include "kvm-run/vm.h"

#define STACK_SIZE (128 << 10)

/* The kick's signal handler has no other way to its vCPU. */
static __thread struct vcpu *self;

/* Also when it comes just before KVM_RUN, the ioctl then returns at once. */
static void
on_kick(int sig)
{
	(void)sig;
	if (self)
		__atomic_store_n(&self->run->immediate_exit, 1, __ATOMIC_RELAXED);
}

static void
do_io(struct vm *vm, struct kvm_run *run)
{
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size)
		bus_do(&vm->ports, run->io.port, data, run->io.size, run->io.direction == KVM_EXIT_IO_OUT);
}

/* What the processor was doing, for whoever debugs the guest. */
static void
describe(struct vcpu *v, const char *what, unsigned long long detail)
{
	struct kvm_regs r = {0};

	ioctl(v->fd, KVM_GET_REGS, &r);
	error("vcpu%u: %s (%#llx) at rip %#llx rsp %#llx", v->index, what, detail, r.rip, r.rsp);
}

/* A guest of Hyper-V's reports its crash, or asks for a reset, by an MSR. */
static void
do_system_event(struct vcpu *v)
{
	if (v->run->system_event.type == KVM_SYSTEM_EVENT_CRASH)
		describe(v, "the guest reports a crash", 0);
	vm_end(v->vm, v->run->system_event.type == KVM_SYSTEM_EVENT_CRASH ? VM_CRASH :
	    v->run->system_event.type == KVM_SYSTEM_EVENT_RESET ? VM_RESET : VM_POWEROFF);
}

static void
do_exit(struct vcpu *v)
{
	struct vm *vm = v->vm;
	struct kvm_run *run = v->run;
	uint32_t why = run->exit_reason;

	stats_count(&v->exits[why == KVM_EXIT_IO ? VCPU_EXIT_IO : why == KVM_EXIT_MMIO ? VCPU_EXIT_MMIO : VCPU_EXIT_OTHER], 1);
	switch (why) {
	case KVM_EXIT_IO:
		do_io(vm, run);
		break;
	case KVM_EXIT_MMIO:
		bus_do(&vm->mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len, run->mmio.is_write);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_HLT: /* only where KVM leaves HLT to us: the next KVM_RUN waits */
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_SHUTDOWN:
		describe(v, "triple fault", 0);
		vm_end(vm, VM_CRASH);
		break;
	case KVM_EXIT_HYPERV:
		hyperv_exit(run);
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		do_system_event(v);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		describe(v, "KVM could not go on", run->internal.suberror);
		vm_end(vm, VM_CRASH);
		break;
	case KVM_EXIT_FAIL_ENTRY:
		describe(v, "the processor refused the guest's state", run->fail_entry.hardware_entry_failure_reason);
		vm_end(vm, VM_HOST_ERROR);
		break;
	default:
		describe(v, "unknown exit", run->exit_reason);
		vm_end(vm, VM_HOST_ERROR);
	}
}

/* The kernel finishes the instruction behind an exit only when KVM_RUN is called again (KVM API, 5: "complete"); into a
 * state set meanwhile, as by a reset, it would write that instruction's result. It may take several exits. */
static void
finish_instruction(struct vcpu *v)
{
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_RELAXED);
	while (ioctl(v->fd, KVM_RUN, 0) == 0)
		do_exit(v);
	__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_RELAXED);
}

static bool
gate_open(const struct vcpu *v)
{
	return __atomic_load_n(&v->vm->gate.open, __ATOMIC_ACQUIRE) && v->vm->end == VM_RUNNING &&
	    !__atomic_load_n(&v->ending, __ATOMIC_ACQUIRE);
}

/* Waits outside KVM_RUN while the machine is paused or has ended. False: the thread is to end. */
static bool
may_run(struct vcpu *v)
{
	struct vm_run_gate *g = &v->vm->gate;
	bool ending;

	if (gate_open(v))
		return true;
	pthread_mutex_lock(&g->lock);
	g->outside++;
	pthread_cond_broadcast(&g->changed);
	while ((!g->open || v->vm->end != VM_RUNNING) && !v->ending)
		pthread_cond_wait(&g->changed, &g->lock);
	g->outside--;
	ending = v->ending;
	pthread_mutex_unlock(&g->lock);
	return !ending;
}

static void
introduce(struct vcpu *v)
{
	struct vm_run_gate *g = &v->vm->gate;
	char name[16];

	self = v;
	snprintf(name, sizeof(name), "vcpu%u", v->index);
	pthread_setname_np(pthread_self(), name);
	pthread_mutex_lock(&g->lock);
	v->tid = (pid_t)syscall(SYS_gettid);
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
}

static void *
thread_main(void *arg)
{
	struct vcpu *v = arg;

	introduce(v);
	seal_thread_vcpu();
	while (may_run(v)) {
		if (ioctl(v->fd, KVM_RUN, 0) == 0) {
			do_exit(v);
			if (!gate_open(v))
				finish_instruction(v);
		} else if (errno == EINTR || errno == EAGAIN) {
			stats_count(&v->exits[VCPU_EXIT_SIGNAL], 1);
			__atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_RELAXED);
		} else {
			error("vcpu%u: KVM_RUN: %s", v->index, errno == EFAULT ? memory_fault_reason(v->vm) : strerror(errno));
			vm_end(v->vm, VM_HOST_ERROR);
		}
	}
	return NULL;
}

/* Out of KVM_RUN: a thread that has not yet looked at the gate sees immediate_exit, set by the handler. */
static void
kick(struct vcpu *v)
{
	pthread_kill(v->thread, SIGRTMIN);
}

int
vcpu_start(struct vcpu *v)
{
	struct vm_run_gate *g = &v->vm->gate;
	pthread_attr_t attr;
	sigset_t others, old;
	int err;

	sigfillset(&others); /* the other signals are the main thread's */
	sigdelset(&others, SIGRTMIN);
	sigdelset(&others, SIGBUS); /* see memory_fault.h */
	pthread_sigmask(SIG_SETMASK, &others, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	err = pthread_create(&v->thread, &attr, thread_main, v);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_mutex_lock(&g->lock);
	while (!err && !v->tid)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
	return err;
}

void
vcpu_end(struct vcpu *v)
{
	struct vm_run_gate *g = &v->vm->gate;

	pthread_mutex_lock(&g->lock);
	__atomic_store_n(&v->ending, true, __ATOMIC_RELEASE);
	kick(v);
	pthread_cond_broadcast(&g->changed);
	pthread_mutex_unlock(&g->lock);
	pthread_join(v->thread, NULL);
	v->ending = false;
	v->tid = 0;
}

struct vcpu *
vcpu_next(const struct vm *vm, const struct vcpu *v)
{
	struct vcpu *next = v ? vm->vcpus + (v - vm->vcpus) + 1 : vm->vcpus;

	while (next < vm->vcpus + vm->opt.cpus.max && !next->plugged)
		next++;
	return next < vm->vcpus + vm->opt.cpus.max ? next : NULL;
}

void
vcpus_start(struct vm *vm)
{
	struct sigaction sa = {.sa_handler = on_kick};

	sigaction(SIGRTMIN, &sa, NULL);
	for (struct vcpu *v = NULL; (v = vcpu_next(vm, v));) {
		errno = vcpu_start(v);
		if (errno)
			die_sys("vcpu%u: thread", v->index);
	}
}

void
vcpus_pause(struct vm *vm)
{
	struct vm_run_gate *g = &vm->gate;

	pthread_mutex_lock(&g->lock);
	__atomic_store_n(&g->open, false, __ATOMIC_RELEASE);
	for (struct vcpu *v = NULL; (v = vcpu_next(vm, v));)
		kick(v);
	while (g->outside < vm->nvcpus)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
}

void
vcpus_resume(struct vm *vm)
{
	pthread_mutex_lock(&vm->gate.lock);
	__atomic_store_n(&vm->gate.open, true, __ATOMIC_RELEASE);
	pthread_cond_broadcast(&vm->gate.changed);
	pthread_mutex_unlock(&vm->gate.lock);
}

void
vcpus_end(struct vm *vm)
{
	vcpus_pause(vm);
	for (struct vcpu *v = NULL; (v = vcpu_next(vm, v));)
		vcpu_end(v);
}

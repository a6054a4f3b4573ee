/* SPDX-License-Identifier: ISC */
/* Creation of the vCPUs, their entry state and their reset; the contracts are in vcpu.h. */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "common/diag.h"
#include "kvm-run/cpuid.h"
#include "kvm-run/stats_kvm.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vcpu_state.h"
#include "kvm-run/vm.h"

#define CR0_PE 1U
#define CR0_PG 0x80000000U
#define CR4_PAE 0x20U
#define EFER_LME 0x100U
#define EFER_LMA 0x400U
#define RFLAGS_FIXED 2

static const char *
create(struct vcpu *v)
{
	struct vm *vm = v->vm;
	int size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	const char *what;

	if (v->fd <= 0) /* else what failed the last time came after it */
		v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, topology_apic_id(&vm->opt.cpus, v->index));
	if (v->fd < 0)
		return "KVM_CREATE_VCPU";
	if (size < 0)
		return "KVM_GET_VCPU_MMAP_SIZE";
	v->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		return "mmap of a vCPU";
	v->stats_fd = stats_kvm_open(v->fd);
	what = cpu_guest_vcpu(vm, v->fd);
	if (what)
		return what;
	cpuid_topology(vm->cpuid, &vm->opt.cpus, v->index);
	if (ioctl(v->fd, KVM_SET_CPUID2, vm->cpuid) < 0)
		return "KVM_SET_CPUID2";
	v->fresh = vcpu_state_get(v);
	return v->fresh ? NULL : "reading the state of a vCPU";
}

static const char *
create_first(struct vm *vm)
{
	const char *what = NULL;

	for (unsigned i = 0; i < vm->opt.cpus.max; i++) {
		vm->vcpus[i].vm = vm;
		vm->vcpus[i].index = i;
	}
	for (unsigned i = 0; i < vm->nvcpus && !what; i++) {
		what = create(&vm->vcpus[i]);
		vm->vcpus[i].plugged = true;
	}
	return what;
}

const char *
vcpus_create(struct vm *vm)
{
	const char *what;

	cpu_guest_create(vm);
	vm->vcpus = calloc(vm->opt.cpus.max, sizeof(*vm->vcpus));
	what = vm->vcpus ? create_first(vm) : "vCPUs";
	if (vm->opt.cpus.cpus == vm->opt.cpus.max) {
		free(vm->cpuid);
		vm->cpuid = NULL;
	}
	return what;
}

const char *
vcpu_plug(struct vcpu *v)
{
	const char *what = v->fresh ? NULL : create(v);

	/* Also when it is new: KVM's map of APIC ids is without it until the state of some local APIC is set. */
	if (!what)
		what = vcpu_state_set(v, v->fresh);
	if (what)
		return what;
	errno = vcpu_start(v);
	if (errno)
		return "thread";
	v->plugged = true;
	v->vm->nvcpus++;
	return NULL;
}

void
vcpu_unplug(struct vcpu *v)
{
	const char *what;

	v->plugged = false;
	v->vm->nvcpus--;
	vcpu_end(v);
	what = vcpu_state_set(v, v->fresh); /* its local APIC takes part in nothing */
	if (what)
		warn_sys("vcpu%u: %s", v->index, what);
}

static void
set_segments(struct kvm_sregs *s, bool long_mode)
{
	struct kvm_segment code = {
		.limit = 0xffffffff, .selector = 0x10, .type = 11, .present = 1, .s = 1, .g = 1,
		.db = !long_mode, .l = long_mode};
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 0x18, .type = 3, .present = 1, .s = 1, .g = 1, .db = 1};
	struct kvm_segment tss = {.limit = 0x67, .type = 11, .present = 1};

	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = tss;
}

void
vcpus_set_entry(struct vm *vm, const struct boot_entry *e)
{
	int fd = vm->vcpus[0].fd;
	struct kvm_sregs s;
	struct kvm_regs r = {.rip = e->rip, .rsi = e->rsi, .rbx = e->rbx, .rflags = RFLAGS_FIXED};

	if (ioctl(fd, KVM_GET_SREGS, &s) < 0)
		die_sys("KVM_GET_SREGS");
	set_segments(&s, e->long_mode);
	s.gdt.base = e->gdt;
	s.gdt.limit = 4 * 8 - 1;
	s.cr0 |= CR0_PE;
	if (e->long_mode) {
		s.cr0 |= CR0_PG;
		s.cr3 = e->cr3;
		s.cr4 |= CR4_PAE;
		s.efer |= EFER_LME | EFER_LMA;
	}
	if (ioctl(fd, KVM_SET_SREGS, &s) < 0)
		die_sys("KVM_SET_SREGS");
	if (ioctl(fd, KVM_SET_REGS, &r) < 0)
		die_sys("KVM_SET_REGS");
}

void
vcpus_reset(struct vm *vm)
{
	for (struct vcpu *v = NULL; (v = vcpu_next(vm, v));) {
		const char *what = vcpu_state_set(v, v->fresh);

		if (what)
			die_sys("reset: vcpu%u: %s", v->index, what);
	}
}

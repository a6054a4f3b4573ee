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
create(struct vm *vm, unsigned i, struct kvm_cpuid2 *cpuid, bool tsc_deadline)
{
	struct vcpu *v = &vm->vcpus[i];
	int size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	v->vm = vm;
	v->index = i;
	v->fd = ioctl(vm->fd, KVM_CREATE_VCPU, i);
	if (v->fd < 0)
		return "KVM_CREATE_VCPU";
	if (size < 0)
		return "KVM_GET_VCPU_MMAP_SIZE";
	v->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		return "mmap of a vCPU";
	cpuid_for_vcpu(cpuid, i, vm->nvcpus, tsc_deadline);
	if (ioctl(v->fd, KVM_SET_CPUID2, cpuid) < 0)
		return "KVM_SET_CPUID2";
	v->fresh = vcpu_state_get(v);
	return v->fresh ? NULL : "reading the state of a vCPU";
}

const char *
vcpus_create(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = cpuid_supported(vm->kvm_fd);
	bool tsc_deadline = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
	const char *what = NULL;

	if (!cpuid)
		return "KVM_GET_SUPPORTED_CPUID";
	vm->vcpus = calloc(vm->opt.cpus.max, sizeof(*vm->vcpus));
	vm->nvcpus = vm->opt.cpus.cpus;
	if (!vm->vcpus)
		what = "vCPUs";
	for (unsigned i = 0; i < vm->nvcpus && !what; i++)
		what = create(vm, i, cpuid, tsc_deadline);
	free(cpuid);
	return what;
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
	for (unsigned i = 0; i < vm->nvcpus; i++) {
		const char *what = vcpu_state_set(&vm->vcpus[i], vm->vcpus[i].fresh);

		if (what)
			die_sys("reset: vcpu%u: %s", i, what);
	}
}

/* SPDX-License-Identifier: ISC */
/* The guest's processor in KVM: what is set once for the VM and what for each vCPU; the contracts are in cpu_guest.h. */
#include <stdlib.h>
#include <sys/ioctl.h>

#include "common/diag.h"
#include "kvm-run/cpu_guest.h"
#include "kvm-run/cpu_leaves.h"
#include "kvm-run/vm.h"

#define LIST_MAX 2048
#define TSC_TOLERANCE 250 /* parts in a million, within which KVM takes a TSC for the host's (its tsc_tolerance_ppm) */

/* Names what is missing; dies of it unless asked to go on without. */
static void
check_features(struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h)
{
	struct cpu_features lacks = cpu_guest_lacks(g, h);
	char list[LIST_MAX];

	if (!cpu_features_any(&lacks))
		return;
	cpu_features_print(&lacks, ", ", list, sizeof(list));
	if (!o->lax)
		die_usage("-M %s: this host lacks %s", o->model ? o->model->name : "host", list);
	warn("-M %s: without %s, which this host lacks", o->model ? o->model->name : "host", list);
	g->has = cpu_features_without(&g->has, &lacks);
	cpu_features_settle(&g->has);
}

/* A named model has address bits for all of the machine, however large that is. */
static void
check_address_bits(struct cpu_guest *g, const struct cpu_option *o, unsigned host, uint64_t top)
{
	unsigned needed = 64 - (unsigned)__builtin_clzll(top);

	if (g->phys_bits > host)
		die_usage("-M phys-bits=%u: this host has %u", g->phys_bits, host);
	if (g->phys_bits >= needed)
		return;
	if (o->phys_bits != CPU_UNSAID)
		die_usage("-M phys-bits=%u: this machine's memory and devices need %u", g->phys_bits, needed);
	g->phys_bits = needed < host ? needed : host;
}

/* HLT, PAUSE, MWAIT and deep sleep then stay in the guest, whose vCPUs keep their CPUs busy even when they idle. */
static void
keep_cpus(struct vm *vm, unsigned exits)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_X86_DISABLE_EXITS};

	if (!(exits & KVM_X86_DISABLE_EXITS_HLT))
		die_usage("-M pinned: this host's KVM cannot leave HLT to the guest");
	cap.args[0] = exits & (KVM_X86_DISABLE_EXITS_MWAIT | KVM_X86_DISABLE_EXITS_HLT | KVM_X86_DISABLE_EXITS_PAUSE |
				  KVM_X86_DISABLE_EXITS_CSTATE);
	if (ioctl(vm->fd, KVM_ENABLE_CAP, &cap) < 0)
		die_sys("-M pinned");
}

void
cpu_guest_create(struct vm *vm)
{
	const struct cpu_option *o = &vm->opt.cpu;
	struct cpu_guest *g = &vm->cpu;
	struct cpu_host h;
	const char *fault;
	struct why w;

	if (cpu_host_read(&h, vm->kvm_fd) < 0)
		die_sys("KVM_GET_SUPPORTED_CPUID");
	cpu_guest_want(g, o, &h);
	check_features(g, o, &h);
	check_address_bits(g, o, h.phys_bits, vm->pci.window64 + PCI_WINDOW64_SIZE - 1);
	fault = hyperv_wanted(&g->hv) ? hyperv_resolve(&g->hv, vm->kvm_fd, &w) : NULL;
	if (fault)
		die_usage("-M hv: %s", fault);
	if (o->pinned)
		keep_cpus(vm, h.exits);
	vm->cpuid = cpu_guest_table(g, o, &h);
	if (!vm->cpuid)
		die_sys("CPUID");
	g->vendor = NULL; /* the host's, which ends here */
	cpu_host_free(&h);
}

/* Where KVM cannot scale it, a vCPU's TSC runs as the host's does. The guest is told a frequency that stays: one that was asked
 * for, or that of a host whose TSC never changes. */
static const char *
set_tsc(struct vm *vm, int fd)
{
	uint64_t khz = vm->cpu.tsc_hz / 1000;
	int host = ioctl(fd, KVM_GET_TSC_KHZ, 0);

	if (host <= 0)
		return vm->cpu.tsc_hz ? "KVM_GET_TSC_KHZ" : NULL;
	if (!khz) {
		if (cpu_features_have(&vm->cpu.has, "invtsc"))
			cpuid_put_tsc(vm->cpuid, (uint64_t)host);
		return NULL;
	}
	if (ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) <= 0 &&
	    (uint64_t)llabs((long long)khz - host) * 1000000 / (uint64_t)host > TSC_TOLERANCE)
		die_usage("-M tsc-frequency=%llu: this host's is %d000, and its KVM cannot scale it",
		    (unsigned long long)vm->cpu.tsc_hz, host);
	if (ioctl(fd, KVM_SET_TSC_KHZ, khz) < 0)
		return "KVM_SET_TSC_KHZ";
	cpuid_put_tsc(vm->cpuid, khz);
	return NULL;
}

/* The MSR that says which weaknesses a processor does not have is as the features say. */
static const char *
set_capabilities(const struct cpu_guest *g, int fd)
{
	union cpu_msr m = {.head.nmsrs = 1};

	m.head.entries[0].index = cpu_words[CPU_ARCH_CAPABILITIES].leaf;
	m.head.entries[0].data = g->has.w[CPU_ARCH_CAPABILITIES];
	return !g->own_capabilities || ioctl(fd, KVM_SET_MSRS, &m) == 1 ? NULL : "the MSR of the processor's capabilities";
}

const char *
cpu_guest_vcpu(struct vm *vm, int vcpu_fd)
{
	const char *what = set_tsc(vm, vcpu_fd);

	if (!what)
		what = hyperv_vcpu(&vm->cpu.hv, vcpu_fd);
	return what ? what : set_capabilities(&vm->cpu, vcpu_fd);
}

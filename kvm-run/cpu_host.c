/* SPDX-License-Identifier: ISC */
/* Asking KVM what it can give; the contracts are in cpu_host.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm-run/cpu_host.h"
#include "kvm-run/cpu_leaves.h"

/* asm/prctl.h and Linux' Documentation/arch/x86/xstate.rst: guests may use AMX's tiles only if their process asked. */
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025
#define XFEATURE_TILE_DATA 18

/* Claims that any host can make: that there is a hypervisor, a promise of the user's, and two warnings of weaknesses. */
#define CLAIMS "hypervisor kvm-hint-dedicated rsba rrsba"

static void
read_msrs(struct cpu_host *h, int kvm_fd)
{
	for (unsigned i = 0; i < CPU_WORDS; i++) {
		union cpu_msr m = {.head.nmsrs = 1};

		m.head.entries[0].index = cpu_words[i].leaf;
		if (cpu_words[i].reg == CPU_MSR && ioctl(kvm_fd, KVM_GET_MSRS, &m) == 1)
			h->has.w[i] = (uint32_t)m.head.entries[0].data;
	}
}

void
cpu_host_derive(struct cpu_host *h)
{
	const struct kvm_cpuid_entry2 *vendor = cpuid_find(h->table, 0, 0), *sizes = cpuid_find(h->table, 0x80000008, 0);

	for (unsigned i = 0; i < CPU_WORDS; i++) {
		const struct cpu_word *w = &cpu_words[i];
		struct kvm_cpuid_entry2 *e = w->reg == CPU_MSR ? NULL : cpuid_find(h->table, w->leaf, w->index);

		if (e)
			h->has.w[i] = *cpuid_reg(e, w->reg);
	}
	if (h->deadline)
		cpu_features_apply(&h->has, "tsc-deadline");
	h->may = h->has;
	cpu_features_apply(&h->may, CLAIMS);
	if (h->exits & KVM_X86_DISABLE_EXITS_MWAIT)
		cpu_features_apply(&h->may, "monitor");
	if (vendor) {
		memcpy(h->vendor, &vendor->ebx, 4);
		memcpy(h->vendor + 4, &vendor->edx, 4);
		memcpy(h->vendor + 8, &vendor->ecx, 4);
	}
	h->phys_bits = sizes && sizes->eax & 0xff ? sizes->eax & 0xff : 36;
}

int
cpu_host_read(struct cpu_host *h, int kvm_fd)
{
	int exits = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_X86_DISABLE_EXITS);

	*h = (struct cpu_host){.table = cpuid_new(), .exits = exits > 0 ? (unsigned)exits : 0,
	    .deadline = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0};
	if (!h->table)
		return -1;
	syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, XFEATURE_TILE_DATA); /* where there is none, it fails: so be it */
	h->table->nent = CPUID_ENTRIES_MAX;
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_CPUID, h->table) < 0) {
		cpu_host_free(h);
		return -1;
	}
	read_msrs(h, kvm_fd);
	cpu_host_derive(h);
	return 0;
}

void
cpu_host_free(struct cpu_host *h)
{
	int saved = errno;

	free(h->table);
	h->table = NULL;
	errno = saved;
}

/* SPDX-License-Identifier: ISC */
/* The enlightenments; the contracts are in hyperv.h. Bits are those of the TLFS 6.0b, 2.4 (leaves 40000003 to 4000000A), names
 * and what needs what are QEMU's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/num.h"
#include "common/util.h"
#include "kvm-run/hyperv.h"

#define LEAF_VENDOR 0x40000000U
#define LEAF_INTERFACE 0x40000001U
#define LEAF_VERSION 0x40000002U
#define LEAF_FEATURES 0x40000003U
#define LEAF_RECOMMENDED 0x40000004U
#define LEAF_LIMITS 0x40000005U
#define LEAF_NESTED 0x4000000aU

#define INTERFACE 0x31237648 /* "Hv#1" */
#define VERSION_BUILD 14393  /* of Windows Server 2016, as whose hypervisor KVM acts; 10.0 */
#define VERSION_NUMBER (10 << 16 | 0)
#define HYPERCALL_MSRS (1U << 5)	/* with any enlightenment at all */
#define DYNAMIC_PARTITIONING (1U << 3)	/* edx: processors may be plugged in; Windows asks */
#define NEVER_NOTIFY UINT32_MAX
#define PROCESSORS_MAX 0x40 /* implemented physical address bits and such are not told: ebx of the limits */
#define SPINLOCKS_RECOMMENDED 0x1fff
#define SUPPORTED_MAX 64      /* entries that KVM may tell of: it has a dozen */
#define INVALID_HYPERCALL 2 /* TLFS appendix A: HV_STATUS_INVALID_HYPERCALL_CODE */

enum { FEATURES_EAX, FEATURES_EDX, RECOMMENDED_EAX, NESTED_EAX, REGS };

/* The rows' numbers, for what needs what. */
enum {
	RELAXED, VAPIC, TIME, CRASH, RESET, VPINDEX, RUNTIME, SYNIC, STIMER, STIMER_DIRECT, FREQUENCIES, REENLIGHTENMENT,
	TLBFLUSH, TLBFLUSH_EXT, IPI, AVIC, XMM_INPUT, EVMCS, EMSR_BITMAP, TLBFLUSH_DIRECT,
};

static const struct enlightenment {
	const char *name;
	uint32_t bits[REGS];
	uint32_t needs; /* other rows */
	bool helps;	/* any Windows guest: `hv` turns it on where KVM has it */
} rows[] = {
	[RELAXED] = {"hv-relaxed", {[RECOMMENDED_EAX] = 1 << 5}, 0, true},
	[VAPIC] = {"hv-vapic", {[FEATURES_EAX] = 1 << 4, [RECOMMENDED_EAX] = 1 << 3}, 0, true},
	[TIME] = {"hv-time", {[FEATURES_EAX] = 1 << 1 | 1 << 9}, 0, true},
	[CRASH] = {"hv-crash", {[FEATURES_EDX] = 1 << 10}, 0, true},
	[RESET] = {"hv-reset", {[FEATURES_EAX] = 1 << 7}, 0, true},
	[VPINDEX] = {"hv-vpindex", {[FEATURES_EAX] = 1 << 6}, 0, true},
	[RUNTIME] = {"hv-runtime", {[FEATURES_EAX] = 1 << 0}, 0, true},
	[SYNIC] = {"hv-synic", {[FEATURES_EAX] = 1 << 2}, 1 << VPINDEX, true},
	[STIMER] = {"hv-stimer", {[FEATURES_EAX] = 1 << 3}, 1 << SYNIC | 1 << TIME, true},
	[STIMER_DIRECT] = {"hv-stimer-direct", {[FEATURES_EDX] = 1 << 19}, 1 << STIMER, true},
	[FREQUENCIES] = {"hv-frequencies", {[FEATURES_EAX] = 1 << 11, [FEATURES_EDX] = 1 << 8}, 0, true},
	[REENLIGHTENMENT] = {"hv-reenlightenment", {[FEATURES_EAX] = 1 << 13}, 0, false},
	[TLBFLUSH] = {"hv-tlbflush", {[RECOMMENDED_EAX] = 1 << 2 | 1 << 11}, 1 << VPINDEX, true},
	[TLBFLUSH_EXT] = {"hv-tlbflush-ext", {[FEATURES_EDX] = 1 << 14}, 1 << TLBFLUSH, true},
	[IPI] = {"hv-ipi", {[RECOMMENDED_EAX] = 1 << 10 | 1 << 11}, 1 << VPINDEX, true},
	[AVIC] = {"hv-avic", {[RECOMMENDED_EAX] = 1 << 9}, 0, false},
	[XMM_INPUT] = {"hv-xmm-input", {[FEATURES_EDX] = 1 << 4}, 0, true},
	[EVMCS] = {"hv-evmcs", {[RECOMMENDED_EAX] = 1 << 14}, 1 << VAPIC, false},
	[EMSR_BITMAP] = {"hv-emsr-bitmap", {[NESTED_EAX] = 1 << 19}, 1 << EVMCS, false},
	[TLBFLUSH_DIRECT] = {"hv-tlbflush-direct", {[NESTED_EAX] = 1 << 17}, 1 << VAPIC, false},
};

static bool
set_row(struct hyperv *h, const char *name, bool on)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(name, rows[i].name))
			continue;
		if (on)
			h->on |= 1U << i;
		else
			h->on &= ~(1U << i);
		return true;
	}
	return false;
}

bool
hyperv_word(struct hyperv *h, const char *key, const char *value)
{
	bool off = value && !strcmp(value, "off");
	char name[32];
	uint64_t n;

	snprintf(name, sizeof(name), "%s", key);
	for (char *p = name; *p; p++)
		*p = *p == '_' ? '-' : *p;
	if (!strcmp(name, "hv-spinlocks")) {
		if (!value || !num_parse(value, 0xff, NEVER_NOTIFY - 1, &n))
			return false;
		h->spinlocks = (uint32_t)n;
		return true;
	}
	if (!strcmp(name, "hv-vendor-id")) {
		if (!value || !*value || strlen(value) >= sizeof(h->vendor))
			return false;
		snprintf(h->vendor, sizeof(h->vendor), "%s", value);
		return true;
	}
	if (value && !off && strcmp(value, "on"))
		return false;
	if (!strcmp(name, "hv")) {
		h->recommended = !off;
		return true;
	}
	return set_row(h, name, !off);
}

/* What KVM has, as the registers that tell of it. */
static const char *
supported(int kvm_fd, uint32_t regs[REGS], struct why *w)
{
	union {
		struct kvm_cpuid2 head;
		uint8_t space[sizeof(struct kvm_cpuid2) + SUPPORTED_MAX * sizeof(struct kvm_cpuid_entry2)];
	} c = {.head.nent = SUPPORTED_MAX};

	if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SYS_HYPERV_CPUID) <= 0)
		return "this host's KVM does not tell what it has of Hyper-V";
	if (ioctl(kvm_fd, KVM_GET_SUPPORTED_HV_CPUID, &c) < 0)
		return why(w, "KVM_GET_SUPPORTED_HV_CPUID: %s", strerror(errno));
	for (uint32_t i = 0; i < c.head.nent; i++) {
		const struct kvm_cpuid_entry2 *e = &c.head.entries[i];

		if (e->function == LEAF_FEATURES) {
			regs[FEATURES_EAX] = e->eax;
			regs[FEATURES_EDX] = e->edx;
		} else if (e->function == LEAF_RECOMMENDED) {
			regs[RECOMMENDED_EAX] = e->eax;
		} else if (e->function == LEAF_NESTED) {
			regs[NESTED_EAX] = e->eax;
		}
	}
	return NULL;
}

static bool
has_row(const struct enlightenment *e, const uint32_t regs[REGS])
{
	for (int r = 0; r < REGS; r++)
		if ((regs[r] & e->bits[r]) != e->bits[r])
			return false;
	return true;
}

const char *
hyperv_resolve(struct hyperv *h, int kvm_fd, struct why *w)
{
	uint32_t regs[REGS] = {0};
	const char *fault = supported(kvm_fd, regs, w);
	char missing[WHY_MAX / 2] = "", needed[sizeof(missing)] = "";

	for (size_t i = 0; i < ARRAY_LEN(rows) && !fault; i++) {
		bool has = has_row(&rows[i], regs), met = (h->on & rows[i].needs) == rows[i].needs;
		char *list = has ? needed : missing;

		if (h->recommended && rows[i].helps && has && met)
			h->on |= 1U << i;
		if (h->on & 1U << i && !(has && met))
			snprintf(list + strlen(list), sizeof(missing) - strlen(list), " %s", rows[i].name);
	}
	if (h->recommended && !h->spinlocks)
		h->spinlocks = SPINLOCKS_RECOMMENDED;
	if (!fault && *missing)
		fault = why(w, "this host's KVM lacks%s", missing);
	if (!fault && *needed)
		fault = why(w, "others must be on, too, for%s", needed);
	return fault;
}

static struct kvm_cpuid_entry2
leaf(uint32_t function, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	return (struct kvm_cpuid_entry2){.function = function, .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx};
}

unsigned
hyperv_leaves(const struct hyperv *h, struct kvm_cpuid_entry2 *at)
{
	uint32_t regs[REGS] = {[FEATURES_EAX] = HYPERCALL_MSRS, [FEATURES_EDX] = DYNAMIC_PARTITIONING}, name[3] = {0};
	unsigned n = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (int r = 0; r < REGS; r++)
			regs[r] |= h->on & 1U << i ? rows[i].bits[r] : 0;
	memcpy(name, h->vendor[0] ? h->vendor : "Microsoft Hv", strnlen(h->vendor[0] ? h->vendor : "Microsoft Hv", sizeof(name)));
	at[n++] = leaf(LEAF_VENDOR, regs[NESTED_EAX] ? LEAF_NESTED : LEAF_LIMITS, name[0], name[1], name[2]);
	at[n++] = leaf(LEAF_INTERFACE, INTERFACE, 0, 0, 0);
	at[n++] = leaf(LEAF_VERSION, VERSION_BUILD, VERSION_NUMBER, 0, 0);
	at[n++] = leaf(LEAF_FEATURES, regs[FEATURES_EAX], 0, 0, regs[FEATURES_EDX]);
	at[n++] = leaf(LEAF_RECOMMENDED, regs[RECOMMENDED_EAX], h->spinlocks ? h->spinlocks : NEVER_NOTIFY, 0, 0);
	at[n++] = leaf(LEAF_LIMITS, UINT32_MAX, PROCESSORS_MAX, 0, 0);
	if (regs[NESTED_EAX]) {
		for (uint32_t f = LEAF_LIMITS + 1; f < LEAF_NESTED; f++)
			at[n++] = leaf(f, 0, 0, 0, 0);
		at[n++] = leaf(LEAF_NESTED, regs[NESTED_EAX], 0, 0, 0);
	}
	return n;
}

const char *
hyperv_vcpu(const struct hyperv *h, int vcpu_fd)
{
	struct kvm_enable_cap synic = {.cap = KVM_CAP_HYPERV_SYNIC2}, flush = {.cap = KVM_CAP_HYPERV_DIRECT_TLBFLUSH};
	struct kvm_enable_cap evmcs = {.cap = KVM_CAP_HYPERV_ENLIGHTENED_VMCS};
	uint16_t version;

	evmcs.args[0] = (uintptr_t)&version;
	if (h->on & 1U << SYNIC && ioctl(vcpu_fd, KVM_ENABLE_CAP, &synic) < 0)
		return "hv-synic";
	if (h->on & 1U << EVMCS && ioctl(vcpu_fd, KVM_ENABLE_CAP, &evmcs) < 0)
		return "hv-evmcs";
	if (h->on & 1U << TLBFLUSH_DIRECT && ioctl(vcpu_fd, KVM_ENABLE_CAP, &flush) < 0)
		return "hv-tlbflush-direct";
	return NULL;
}

void
hyperv_exit(struct kvm_run *run)
{
	/* There is no VMBus here that would take messages and events. What the controller was told it remembers in the kernel. */
	if (run->hyperv.type == KVM_EXIT_HYPERV_HCALL)
		run->hyperv.u.hcall.result = INVALID_HYPERCALL;
}

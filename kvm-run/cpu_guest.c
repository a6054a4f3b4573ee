/* SPDX-License-Identifier: ISC */
/* From words to a table of CPUID; the contracts are in cpu_guest.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-run/cpu_guest.h"
#include "kvm-run/cpu_leaves.h"

#define KVM_LEAVES 0x40000000U
#define KVM_LEAVES_BESIDE_HYPERV 0x40000100U
#define CLFLUSH_LINE (8 << 8) /* leaf 1 ebx, in units of 8 bytes */
#define PHYS_BITS 40	      /* a named model's, unless said */
#define VIRT_BITS 48
#define VIRT_BITS_LA57 57

/* Every model runs under KVM and says so: its clock, its ways to wait and to wake, all of them KVM's own work on any host. */
#define UNDER_KVM                                                                                                      \
	"hypervisor x2apic kvmclock kvmclock-stable-bit kvm-nopiodelay kvm-asyncpf kvm-steal-time kvm-pv-eoi kvm-pv-unhalt" \
	" kvm-pv-tlb-flush kvm-pv-ipi kvm-pv-sched-yield"

#define COUNTERS "-perfctr-core -perfctr-nb -perfmon-v2 -pdcm"

static bool
is_amd(const char *vendor)
{
	return !strcmp(vendor, "AuthenticAMD") || !strcmp(vendor, "HygonGenuine");
}

static void
add(struct cpu_features *to, const struct cpu_features *more)
{
	for (unsigned i = 0; i < CPU_WORDS; i++)
		to->w[i] |= more->w[i];
}

static void
want_features(struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h)
{
	if (o->model) {
		cpu_model_features(o->model, &g->has);
		if (strcmp(o->model->name, "base"))
			cpu_features_apply(&g->has, UNDER_KVM);
	} else {
		g->has = h->has;
		cpu_features_apply(&g->has, "hypervisor");
	}
	if (o->pmu == CPU_SWITCH_OFF)
		cpu_features_apply(&g->has, COUNTERS);
	if (o->pinned)
		cpu_features_apply(&g->has, "kvm-hint-dedicated");
	if (o->pinned && h->exits & KVM_X86_DISABLE_EXITS_MWAIT)
		cpu_features_apply(&g->has, "monitor");
	add(&g->has, &o->on);
	g->has = cpu_features_without(&g->has, &o->off);
	cpu_features_settle(&g->has);
	if (o->no_kvm)
		g->has.w[CPU_KVM_EAX] = g->has.w[CPU_KVM_EDX] = 0;
}

static uint32_t
said(uint32_t value, uint32_t otherwise)
{
	return value == CPU_UNSAID ? otherwise : value;
}

/* A host's identity is in its leaves; of a model with two, that of the vendor. */
static void
want_identity(struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h)
{
	struct cpu_identity other;
	unsigned family, model, stepping;

	if (o->model) {
		cpu_model_identity(o->model, &g->is);
		if (o->model->on_amd && is_amd(g->vendor)) {
			cpu_model_identity(cpu_model_find(o->model->on_amd), &other);
			g->is.family = other.family;
			g->is.model = other.model;
			g->is.stepping = other.stepping;
			g->is.caches = other.caches;
		}
	} else {
		cpuid_signature_parts(cpuid_get(h->table, 1, 0)->eax, &family, &model, &stepping);
		g->is = (struct cpu_identity){.family = (uint16_t)family, .model = (uint16_t)model, .stepping = (uint8_t)stepping,
		    .level = cpuid_get(h->table, 0, 0)->eax, .xlevel = cpuid_get(h->table, 0x80000000, 0)->eax};
	}
	g->is.family = (uint16_t)said(o->family, g->is.family);
	g->is.model = (uint16_t)said(o->model_number, g->is.model);
	g->is.stepping = (uint8_t)said(o->stepping, g->is.stepping);
	g->is.level = said(o->level, g->is.level);
	g->is.xlevel = said(o->xlevel, g->is.xlevel);
	if (o->title[0])
		g->is.title = o->title;
}

void
cpu_guest_want(struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h)
{
	*g = (struct cpu_guest){.vendor = o->vendor[0] ? o->vendor : h->vendor, .hv = o->hv, .tsc_hz = o->tsc_hz};
	want_features(g, o, h);
	want_identity(g, o, h);
	g->own_capabilities =
	    g->has.w[CPU_ARCH_CAPABILITIES] && g->has.w[CPU_ARCH_CAPABILITIES] != h->has.w[CPU_ARCH_CAPABILITIES];
	g->phys_bits = said(o->phys_bits, o->model && h->phys_bits > PHYS_BITS ? PHYS_BITS : h->phys_bits);
}

struct cpu_features
cpu_guest_lacks(const struct cpu_guest *g, const struct cpu_host *h)
{
	return cpu_features_without(&g->has, &h->may);
}

/* The registers of features: a named model has no others; those of a host keep the bits that have no name. */
static void
put_features(struct kvm_cpuid2 *c, const struct cpu_guest *g, bool host)
{
	struct cpu_features named = cpu_features_named();

	for (unsigned i = 0; i < CPU_WORDS; i++) {
		const struct cpu_word *w = &cpu_words[i];
		struct kvm_cpuid_entry2 *e;
		uint32_t *reg;

		if (w->reg == CPU_MSR || (!g->has.w[i] && !cpuid_find(c, w->leaf, w->index)))
			continue;
		e = cpuid_get(c, w->leaf, w->index);
		reg = cpuid_reg(e, w->reg);
		*reg = (host ? *reg & ~named.w[i] : 0) | (g->has.w[i] & named.w[i]);
	}
}

static void
put_signature(struct kvm_cpuid2 *c, uint32_t signature, const char *vendor)
{
	cpuid_get(c, 1, 0)->eax = signature;
	if (is_amd(vendor) && cpuid_find(c, 0x80000001, 0))
		cpuid_find(c, 0x80000001, 0)->eax = signature;
}

/* AMD repeats leaf 1's edx in 80000001's (APM vol. 3, E.4.2), but for a few bits. */
static void
repeat_features(struct kvm_cpuid2 *c, const char *vendor)
{
	const uint32_t repeated = 0x183f3ff;
	struct kvm_cpuid_entry2 *e = cpuid_find(c, 0x80000001, 0), *one = cpuid_find(c, 1, 0);

	if (e && one)
		e->edx = (e->edx & ~repeated) | (is_amd(vendor) ? one->edx & repeated : 0);
}

/* What comes with a feature and is the host's to say: Intel PT, SGX, AMX, counters, SVM's address spaces. */
static void
copy_details(struct kvm_cpuid2 *c, const struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h)
{
	static const struct detail {
		const char *feature;
		uint32_t function;
	} details[] = {
		{"intel-pt", 0x14}, {"sgx", 0x12}, {"amx-tile", 0x1d}, {"amx-tile", 0x1e}, {"perfmon-v2", 0x80000022},
		{"svm", 0x8000000a},
	};

	for (size_t i = 0; i < sizeof(details) / sizeof(details[0]); i++)
		if (cpu_features_have(&g->has, details[i].feature))
			cpuid_copy(c, h->table, details[i].function);
	if (o->pmu == CPU_SWITCH_ON)
		cpuid_copy(c, h->table, 0xa);
}

/* The last leaf that there is something in, among the basic or the extended ones. */
static uint32_t
last_leaf(const struct kvm_cpuid2 *c, uint32_t from, uint32_t at_least)
{
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function >> 16 == from >> 16 && c->entries[i].function > at_least)
			at_least = c->entries[i].function;
	return at_least;
}

/* A named model: nothing is there but what its row says. */
static void
put_model(struct kvm_cpuid2 *c, const struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h)
{
	struct kvm_cpuid_entry2 *e;

	copy_details(c, g, o, h);
	put_features(c, g, false);
	e = cpuid_get(c, 1, 0);
	e->ebx = CLFLUSH_LINE;
	cpuid_put_caches(c, &g->is.caches, is_amd(g->vendor), g->is.level, cpu_features_have(&g->has, "topoext"));
	cpuid_put_title(c, g->is.title);
	e = cpuid_get(c, 0x80000008, 0);
	e->eax = g->phys_bits | (cpu_features_have(&g->has, "la57") ? VIRT_BITS_LA57 : VIRT_BITS) << 8;
	if (g->is.level >= 0xb)
		cpuid_get(c, 0xb, 0);
	if (g->is.level >= 0x1f)
		cpuid_get(c, 0x1f, 0);
	if (is_amd(g->vendor) && cpu_features_have(&g->has, "topoext"))
		cpuid_get(c, 0x8000001e, 0);
	if (cpuid_find(h->table, KVM_LEAVES, 0) && cpuid_find(c, KVM_LEAVES + 1, 0))
		cpuid_copy(c, h->table, KVM_LEAVES);
}

/* The host's: all that KVM offers, less what the words took out. */
static void
put_host(struct kvm_cpuid2 *c, const struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h)
{
	memcpy(c, h->table, sizeof(*c) + h->table->nent * sizeof(c->entries[0]));
	put_features(c, g, true);
	if (!cpu_features_have(&g->has, "svm"))
		cpuid_drop(c, 0x8000000a);
	if (o->pmu == CPU_SWITCH_OFF)
		cpuid_drop(c, 0xa);
	if (o->title[0])
		cpuid_put_title(c, o->title);
	if (o->phys_bits != CPU_UNSAID)
		cpuid_get(c, 0x80000008, 0)->eax = (cpuid_get(c, 0x80000008, 0)->eax & ~0xffU) | g->phys_bits;
	if (o->no_kvm) {
		cpuid_drop(c, KVM_LEAVES);
		cpuid_drop(c, KVM_LEAVES + 1);
	}
}

/* Hyper-V's leaves stand where a guest looks first, KVM's then move up (Linux' Documentation/virt/kvm/x86/cpuid.rst). */
static void
put_hyperv(struct kvm_cpuid2 *c, const struct hyperv *hv)
{
	struct kvm_cpuid_entry2 leaves[HYPERV_LEAVES];
	unsigned n = hyperv_leaves(hv, leaves);
	struct kvm_cpuid_entry2 *e = cpuid_find(c, KVM_LEAVES, 0);

	if (e)
		e->eax = KVM_LEAVES_BESIDE_HYPERV + 1;
	for (uint32_t i = 0; i < c->nent; i++)
		if (c->entries[i].function >> 8 == KVM_LEAVES >> 8)
			c->entries[i].function += KVM_LEAVES_BESIDE_HYPERV - KVM_LEAVES;
	while (n--)
		*cpuid_get(c, leaves[n].function, 0) = leaves[n];
}

struct kvm_cpuid2 *
cpu_guest_table(const struct cpu_guest *g, const struct cpu_option *o, const struct cpu_host *h)
{
	struct kvm_cpuid2 *c = cpuid_new();
	struct kvm_cpuid_entry2 *e;

	if (!c)
		return NULL;
	if (o->model)
		put_model(c, g, o, h);
	else
		put_host(c, g, o, h);
	repeat_features(c, g->vendor);
	cpuid_put_xsave(c, h->table, &g->has);
	put_signature(c, cpuid_signature(g->is.family, g->is.model, g->is.stepping), g->vendor);
	if (cpu_features_have(&g->has, "monitor"))
		cpuid_put_mwait(c);
	e = cpuid_find(c, 7, 0);
	if (e)
		e->eax = cpuid_find(c, 7, 2) ? 2 : cpuid_find(c, 7, 1) ? 1 : 0;
	/* KVM's own table has leaves beyond the last one that it tells of. */
	cpuid_put_ends(c, g->vendor, o->model ? last_leaf(c, 0, g->is.level) : g->is.level,
	    o->model ? last_leaf(c, 0x80000000, g->is.xlevel) : g->is.xlevel);
	if (hyperv_wanted(&g->hv))
		put_hyperv(c, &g->hv);
	return c;
}

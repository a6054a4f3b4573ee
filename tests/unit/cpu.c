/* links: kvm-run/cpu_features.c kvm-run/cpu_models.c kvm-run/cpu_option.c kvm-run/cpu_guest.c kvm-run/cpu_leaves.c */
/* links: kvm-run/cpu_host.c kvm-run/cpu_baseline.c kvm-run/cpuid.c kvm-run/hyperv.c kvm-run/subopt.c */
/* SPDX-License-Identifier: ISC */
/* What -M makes of words and of a host: tables of CPUID, refusals, and what several hosts have in common. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-run/cpu_guest.h"
#include "kvm-run/cpu_leaves.h"
#include "kvm-run/cpu_show.h"
#include "tests/unit/tap.h"

#define ALL_BUT_KVM (~0U)

static struct cpu_host host;
static struct cpu_option option;
static struct cpu_guest guest;
static struct kvm_cpuid2 *table;

/* A host that has every feature there is, of that vendor, with the XSAVE components of a Skylake. */
static void
make_host(const char *vendor)
{
	static const uint32_t sizes[][3] = {{2, 256, 576}, {5, 64, 1088}, {6, 512, 1152}, {7, 1024, 1664}, {9, 8, 2688}};

	free(host.table);
	host = (struct cpu_host){.table = cpuid_new(), .deadline = true, .exits = 15};
	cpuid_put_ends(host.table, vendor, 0x16, 0x80000008);
	cpuid_get(host.table, 1, 0)->eax = cpuid_signature(6, 85, 7);
	cpuid_get(host.table, 0xa, 0)->eax = 0x7300404;
	for (unsigned i = 0; i < CPU_WORDS; i++)
		if (cpu_words[i].reg != CPU_MSR)
			*cpuid_reg(cpuid_get(host.table, cpu_words[i].leaf, cpu_words[i].index), cpu_words[i].reg) = ALL_BUT_KVM;
	cpuid_get(host.table, 0x80000008, 0)->eax = 0x3000 | 46;
	cpuid_get(host.table, 0x40000000, 0)->ebx = 0x4b4d564b;
	cpuid_get(host.table, 0xd, 0)->eax = 0x2e7;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct kvm_cpuid_entry2 *e = cpuid_get(host.table, 0xd, sizes[i][0]);

		e->eax = sizes[i][1];
		e->ebx = sizes[i][2];
	}
	host.has.w[CPU_ARCH_CAPABILITIES] = 0xffffffff;
	cpu_host_derive(&host);
}

/* The table of -M's words; false: the words were refused, or the host lacks something. */
static bool
make(const char *words)
{
	struct cpu_features lacks;
	struct why w;

	if (cpu_option_parse(&option, words, &w))
		return false;
	cpu_guest_want(&guest, &option, &host);
	lacks = cpu_guest_lacks(&guest, &host);
	free(table);
	table = cpu_guest_table(&guest, &option, &host);
	return table && !cpu_features_any(&lacks);
}

static bool
says(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx)
{
	const struct kvm_cpuid_entry2 *e = cpuid_find(table, function, index);
	bool good = e && e->eax == eax && e->ebx == ebx && e->ecx == ecx && e->edx == edx;

	if (!good && e)
		printf("# %x.%u: %08x %08x %08x %08x\n", function, index, e->eax, e->ebx, e->ecx, e->edx);
	return good;
}

static void
test_features(void)
{
	struct cpu_features f = {0}, g = {0};
	char text[8192];
	bool all = true;

	for (cpu_feature n = 0; n < CPU_FEATURES; n++)
		if (cpu_feature_name(n))
			all &= cpu_features_set(&f, cpu_feature_name(n), strlen(cpu_feature_name(n)), true);
	g = cpu_features_named();
	ok(all && !memcmp(&f, &g, sizeof(f)), "every name is found");
	cpu_features_print(&f, " ", text, sizeof(text));
	f = (struct cpu_features){0};
	cpu_features_apply(&f, text);
	ok(!memcmp(&f, &g, sizeof(f)) && strlen(text) < 3000, "what is printed says the same again");
	ok(strstr(text, "kvmclock ") && !strstr(strstr(text, "kvmclock ") + 1, "kvmclock "), "a name of two bits is printed once");
	f = (struct cpu_features){0};
	ok(cpu_features_set(&f, "pni", 3, true) && cpu_features_set(&f, "lahf_lm", 7, true) && cpu_features_have(&f, "sse3 lahf-lm"),
	    "other spellings");
	ok(!cpu_features_set(&f, "avx3", 4, true) && !cpu_features_set(&f, "", 0, true), "unknown ones");
	ok(cpu_features_print(&g, ",", text, 16) == 15 && strlen(text) == 15, "cut where it is full");
}

static void
test_models(void)
{
	bool rows = true, words = true;

	for (size_t i = 0; i < cpu_models_count; i++) {
		const struct cpu_model *m = &cpu_models[i];
		char text[1024], *rest = text, *word;
		struct cpu_features f;

		rows &= cpu_model_find(m->name) == m && (!m->base || (cpu_model_find(m->base) && cpu_model_find(m->base) < m)) &&
			(!m->also || cpu_model_find(m->also) == m) && (!m->on_amd || cpu_model_find(m->on_amd));
		snprintf(text, sizeof(text), "%s", m->features);
		while ((word = strsep(&rest, " ")))
			words &= !*word || cpu_features_set(&f, word + (*word == '-'), strlen(word + (*word == '-')), true);
	}
	ok(rows, "each row is found by its names, below its base");
	ok(words, "each of its features exists");
	ok(cpu_model_find("haswell-V1") == NULL && cpu_model_find("haswell-v1") == cpu_model_find("Haswell") && !cpu_model_find("Haswel"),
	    "the first version has no number");
}

static void
test_named(void)
{
	make_host("GenuineIntel");
	ok(make("Haswell-noTSX-IBRS"), "Haswell-noTSX-IBRS");
	ok(says(0, 0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69), "leaf 0: level and vendor");
	/* What QEMU 7.2's -cpu Haswell-noTSX-IBRS gives, less the bits of the layout. */
	ok(says(1, 0, 0x306c1, 0x800, 0xf7fa3203, 0x78bfbff), "leaf 1: signature and features");
	ok(says(7, 0, 0, 0x7a9, 0, 1 << 26), "leaf 7");
	ok(says(0x80000001, 0, 0, 0, 0x21, 1 << 11 | 1 << 20 | 1 << 27 | 1 << 29), "leaf 80000001: none of AMD's repetitions");
	ok(says(0xd, 0, 7, 576, 832, 0) && says(0xd, 1, 1, 0, 0, 0) && says(0xd, 2, 256, 576, 0, 0) && !cpuid_find(table, 0xd, 5),
	    "leaf 0xd: AVX's component, and none of AVX-512's");
	ok(says(4, 0, 0x121, 7 << 22 | 63, 63, 0) && says(4, 1, 0x122, 7 << 22 | 63, 63, 0) && says(4, 2, 0x143, 7 << 22 | 63, 511, 0) &&
	       says(4, 3, 0x163, 15 << 22 | 63, 16383, 0) && !cpuid_find(table, 0x80000005, 0),
	    "leaf 4: its caches");
	ok(says(0x80000008, 0, 0x3028, 0, 0, 0), "40 bits of address");
	ok(!memcmp(&cpuid_find(table, 0x80000002, 0)->eax, "Intel Core Proce", 16), "its name");
	ok(!cpuid_find(table, 0xa, 0) && cpuid_find(table, 0xb, 0) && !cpuid_find(table, 0x1f, 0), "no counters, room for its levels");
	ok(says(0x40000001, 0, 0x1002afb, 0, 0, 0), "KVM's");
	make("Haswell,pmu=on,model-id=Fast one,phys-bits=45,+invtsc,stepping=9,level=31");
	ok(says(0xa, 0, 0x7300404, 0, 0, 0) && says(0x80000008, 0, 0x302d, 0, 0, 0) && says(0x80000007, 0, 0, 0, 0, 1 << 8) &&
	       (cpuid_find(table, 1, 0)->eax & 15) == 9 && cpuid_find(table, 0x1f, 0) && cpuid_find(table, 0, 0)->eax == 31 &&
	       !memcmp(&cpuid_find(table, 0x80000002, 0)->eax, "Fast one\0", 9),
	    "words about it");
	ok(make("Icelake-Server") && cpuid_find(table, 0xd, 0)->ecx == 2696 && cpuid_find(table, 0x80000008, 0)->eax == 0x3928,
	    "with AVX-512, protection keys, and 57 bits of linear address");
	ok(make("Cascadelake-Server-v5") && guest.own_capabilities && guest.has.w[CPU_ARCH_CAPABILITIES] == 0x2b, "an MSR of its own");
	ok(make("Cascadelake-Server-v5,-arch-capabilities") && !guest.own_capabilities, "and not without its feature");
	make("pentium");
	ok(cpuid_find(table, 0, 0)->eax == 2 && !cpuid_find(table, 4, 0),
	    "an old one has no leaf 4");
}

static void
test_amd(void)
{
	make_host("AuthenticAMD");
	ok(make("EPYC-Milan"), "EPYC-Milan");
	ok(says(1, 0, 0xa00f11, 0x800, 0xf6fa3203, 0x78bfbff), "leaf 1");
	ok(says(0x80000000, 0, 0x8000001e, 0x68747541, 0x444d4163, 0x69746e65), "leaf 80000000");
	ok((cpuid_find(table, 0x80000001, 0)->edx & 0x183f3ff) == (0x78bfbff & 0x183f3ff) && cpuid_find(table, 0x80000001, 0)->eax == 0xa00f11,
	    "leaf 80000001 repeats leaf 1");
	ok(says(0x80000005, 0, 0xff40ff40, 0xff40ff40, 0x20080140, 0x20080140) && says(0x80000006, 0, 0, 0, 0x2006140, 0x1008140) &&
	       says(0x8000001d, 3, 0x163, 15 << 22 | 63, 32767, 0) && !cpuid_find(table, 4, 0),
	    "its caches");
	ok(make("x86-64-v2") && cpuid_find(table, 1, 0)->eax == 0x600f12, "x86-64-v2 is a Bulldozer there");
	ok(make("x86-64-v2,vendor=GenuineIntel") && cpuid_find(table, 1, 0)->eax == 0x106a3 && cpuid_find(table, 4, 0) &&
	       !(cpuid_find(table, 0x80000001, 0)->edx & 1),
	    "and a Nehalem for Intel");
}

static void
test_host(void)
{
	make_host("GenuineIntel");
	ok(make(NULL) && !memcmp(&cpuid_find(table, 7, 0)->ebx, &cpuid_find(host.table, 7, 0)->ebx, 4) && says(0xd, 0, 0x2e7, 576, 2696, 0),
	    "the host's is what KVM offers");
	ok(!cpu_features_have(&guest.has, "kvm-hint-dedicated") || cpuid_find(host.table, 0x40000001, 0)->edx, "and no promise");
	ok(make("host,-avx512f,-pku") && says(0xd, 0, 7, 576, 832, 0) && !(cpuid_find(table, 7, 0)->ebx & (1U << 16 | 1U << 31)) &&
	       cpuid_find(table, 7, 0)->ebx & 1 << 5 && !(cpuid_find(table, 7, 0)->ecx & (1 << 3 | 1 << 11)) &&
	       cpuid_find(table, 7, 0)->ecx & 1 << 9,
	    "less what the words take out, with its state and what builds on it");
	ok(make("host,-xsave") && !cpuid_find(table, 0xd, 0) && !(cpuid_find(table, 1, 0)->ecx & (1 << 28 | 1 << 12)) &&
	       !(cpuid_find(table, 7, 0)->ebx & 1 << 5),
	    "no AVX without XSAVE");
	ok(make("-hypervisor,pmu=off,kvm=off") && !(cpuid_find(table, 1, 0)->ecx >> 31) && !cpuid_find(table, 0xa, 0) &&
	       !cpuid_find(table, 0x40000000, 0) && !cpuid_find(table, 0x40000001, 0),
	    "hidden");
	ok(make("host,family=6,model=58") && cpuid_find(table, 1, 0)->eax == cpuid_signature(6, 58, 7), "another number");
	cpuid_find(host.table, 7, 0)->ebx &= ~(1U << 5);
	host.has.w[CPU_7_EBX] = host.may.w[CPU_7_EBX] = ~(1U << 5);
	ok(!make("Haswell") && !make("host,+avx2") && make("Haswell,-avx2") && make("SandyBridge"), "what it lacks is noticed");
	host.deadline = false;
	host.has = (struct cpu_features){0};
	cpuid_find(host.table, 1, 0)->ecx = 0;
	cpu_host_derive(&host);
	ok(!make("host,+tsc-deadline") && make("host,pinned") && cpu_features_have(&guest.has, "kvm-hint-dedicated monitor"),
	    "some are told of otherwise");
}

static void
test_hyperv(void)
{
	struct kvm_cpuid_entry2 e[HYPERV_LEAVES];

	make_host("GenuineIntel");
	make("host,hv-relaxed,hv_vapic,hv-time=on,hv-spinlocks=8191,hv-synic,hv-synic=off,hv-vendor-id=Thing");
	ok(hyperv_wanted(&guest.hv) && hyperv_leaves(&guest.hv, e) == 6, "six leaves");
	ok(says(0x40000000, 0, 0x40000005, 0x6e696854, 0x67, 0) && says(0x40000001, 0, 0x31237648, 0, 0, 0), "vendor and interface");
	ok(says(0x40000003, 0, 1 << 1 | 1 << 4 | 1 << 5 | 1 << 9, 0, 0, 1 << 3), "privileges");
	ok(says(0x40000004, 0, 1 << 3 | 1 << 5, 8191, 0, 0), "recommendations");
	ok(says(0x40000100, 0, 0x40000101, 0x4b4d564b, 0, 0) && cpuid_find(table, 0x40000101, 0) && !cpuid_find(table, 0x40000101, 1),
	    "KVM's leaves have moved up");
	make("host,hv-vapic,hv-evmcs,hv-emsr-bitmap");
	ok(hyperv_leaves(&guest.hv, e) == 11 && says(0x4000000a, 0, 1 << 19, 0, 0, 0) && says(0x40000000, 0, 0x4000000a, 0x7263694d, 0x666f736f, 0x76482074),
	    "with nested ones");
	make("host");
	ok(!hyperv_wanted(&guest.hv), "none unless asked for");
}

static void
test_tsc(void)
{
	make_host("GenuineIntel");
	make("host");
	cpuid_put_tsc(table, 2893202);
	ok(says(0x15, 0, 1, 1, 2893202000, 0) && says(0x40000010, 0, 2893202, 1000000, 0, 0) && cpuid_find(table, 0x40000000, 0)->eax == 0x40000010,
	    "a frequency");
	cpuid_put_tsc(table, 5000000);
	ok(says(0x15, 0, 1, 2, 2500000000, 0), "one that 32 bits of Hz do not hold");
	make("host,-tsc-deadline,hv-time");
	cpuid_put_tsc(table, 2000000);
	ok(!cpuid_find(table, 0x15, 0) && !cpuid_find(table, 0x40000010, 0), "not where it would be taken for something else");
}

static void
refused(const char *words, const char *why_not)
{
	struct why w;

	is(cpu_option_parse(&option, words, &w), why_not, words);
}

static void
test_refusals(void)
{
	char long_one[9000];

	refused("Haswel", "Haswel: no such model; -M list shows them");
	refused("Haswell,+avx3", "+avx3: no such feature");
	refused("Haswell,avx3", "avx3: no such feature");
	refused("Haswell,avx=maybe", "avx=maybe: no such word, or no value for it");
	refused("Haswell,family=271", "family=271: no such word, or no value for it");
	refused("Haswell,vendor=Intel", "vendor=Intel: no such word, or no value for it");
	refused("host,hv-tim", "hv-tim: not a word of Hyper-V's");
	refused("host,hv-spinlocks=7", "hv-spinlocks=7: not a word of Hyper-V's");
	refused("host,tsc-frequency=3", "tsc-frequency=3: no such word, or no value for it");
	refused("host,,", ": no such feature");
	memset(long_one, 'a', sizeof(long_one));
	long_one[sizeof(long_one) - 1] = '\0';
	is(cpu_option_parse(&option, long_one, &(struct why){0}), "too long", "8192 bytes and more");
}

static int
common_of(const char *lines, struct why *w)
{
	FILE *in = fmemopen((void *)(uintptr_t)lines, strlen(lines), "r");
	int n = in ? cpu_baseline_read(&guest, in, w) : -2;

	fclose(in);
	return n;
}

static void
test_baseline(void)
{
	struct why w;

	ok(common_of("Skylake-Server,-aes,vendor=GenuineIntel,phys-bits=39 \r\n# the other one\n\nHaswell,vendor=GenuineIntel\n", &w) == 2, "two");
	ok(cpu_features_have(&guest.has, "avx2 hle kvmclock") && !cpu_features_have(&guest.has, "aes") && !cpu_features_have(&guest.has, "avx512f"),
	    "what both have");
	ok(guest.is.family == 6 && guest.is.model == 60 && guest.phys_bits == 39 && !strcmp(guest.vendor, "GenuineIntel"), "the older one's number");
	ok(common_of("base,+arch-capabilities,+rsba,+rdctl-no\nbase,+arch-capabilities", &w) == 2 && cpu_features_have(&guest.has, "rsba") &&
	       !cpu_features_have(&guest.has, "rdctl-no"),
	    "a weakness of one is one of all");
	ok(common_of("Haswell,vendor=GenuineIntel\nEPYC,vendor=AuthenticAMD\n", &w) == -1, "of two makes");
	is(w.text, "line 2: GenuineIntel and AuthenticAMD have no model in common that a guest could move by", "said so");
	ok(common_of("\nnonsense\n", &w) == -1, "nonsense");
	is(w.text, "line 2: nonsense: no such model; -M list shows them", "said so");
	ok(common_of("host\n", &w) == -1 && common_of("# none\n\n", &w) == 0, "no model, no line");
}

int
main(void)
{
	test_features();
	test_models();
	test_named();
	test_amd();
	test_host();
	test_hyperv();
	test_tsc();
	test_refusals();
	test_baseline();
	free(table);
	free(host.table);
	return tap_done();
}

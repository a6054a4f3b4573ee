/* SPDX-License-Identifier: ISC */
/* The table of features. Sources: Intel SDM vol. 2 (CPUID) and vol. 4 (MSRs), AMD APM vol. 3 appendix E, Linux' documentation
 * of KVM's CPUID bits; the names are QEMU's where it has one. Bits that belong to the operating system (OSXSAVE, OSPKE) or to
 * the layout (topology of processors) have none: nobody asks for them. */
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "kvm-run/cpu_features.h"

#define MSR_CORE_CAPABILITIES 0xcf
#define MSR_ARCH_CAPABILITIES 0x10a

/* clang-format off */
const struct cpu_word cpu_words[CPU_WORDS] = {
	[CPU_1_EDX] = {1, 0, CPU_EDX, {
		"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce",
		"cx8", "apic", "", "sep", "mtrr", "pge", "mca", "cmov",
		"pat", "pse36", "pn", "clflush", "", "ds", "acpi", "mmx",
		"fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe"}},
	[CPU_1_ECX] = {1, 0, CPU_ECX, {
		"sse3", "pclmulqdq", "dtes64", "monitor", "ds-cpl", "vmx", "smx", "est",
		"tm2", "ssse3", "cid", "", "fma", "cx16", "xtpr", "pdcm",
		"", "pcid", "dca", "sse4.1", "sse4.2", "x2apic", "movbe", "popcnt",
		"tsc-deadline", "aes", "xsave", "", "avx", "f16c", "rdrand", "hypervisor"}},
	[CPU_6_EAX] = {6, 0, CPU_EAX, {[2] = "arat"}},
	[CPU_7_EBX] = {7, 0, CPU_EBX, {
		"fsgsbase", "tsc-adjust", "sgx", "bmi1", "hle", "avx2", "fdp-excptn-only", "smep",
		"bmi2", "erms", "invpcid", "rtm", "", "zero-fcs-fds", "mpx", "",
		"avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", "pcommit", "clflushopt",
		"clwb", "intel-pt", "avx512pf", "avx512er", "avx512cd", "sha-ni", "avx512bw", "avx512vl"}},
	[CPU_7_ECX] = {7, 0, CPU_ECX, {
		"", "avx512vbmi", "umip", "pku", "", "waitpkg", "avx512vbmi2", "shstk",
		"gfni", "vaes", "vpclmulqdq", "avx512vnni", "avx512bitalg", "", "avx512-vpopcntdq", "",
		"la57", "", "", "", "", "", "rdpid", "",
		"bus-lock-detect", "cldemote", "", "movdiri", "movdir64b", "", "sgxlc", "pks"}},
	[CPU_7_EDX] = {7, 0, CPU_EDX, {
		"", "", "avx512-4vnniw", "avx512-4fmaps", "fsrm", "", "", "",
		"avx512-vp2intersect", "", "md-clear", "", "", "", "serialize", "",
		"tsx-ldtrk", "", "", "arch-lbr", "ibt", "", "amx-bf16", "avx512-fp16",
		"amx-tile", "amx-int8", "spec-ctrl", "stibp", "flush-l1d", "arch-capabilities", "core-capability", "ssbd"}},
	[CPU_7_1_EAX] = {7, 1, CPU_EAX, {
		"sha512", "sm3", "sm4", "", "avx-vnni", "avx512-bf16", "", "cmpccxadd",
		"", "", "fzrm", "fsrs", "fsrc", "", "", "",
		"", "fred", "lkgs", "wrmsrns", "", "amx-fp16", "", "avx-ifma", "", "", "lam"}},
	[CPU_7_1_EDX] = {7, 1, CPU_EDX, {
		[4] = "avx-vnni-int8", [5] = "avx-ne-convert", [8] = "amx-complex", [10] = "avx-vnni-int16",
		[14] = "prefetchiti"}},
	[CPU_7_2_EDX] = {7, 2, CPU_EDX, {"intel-psfd", "ipred-ctrl", "rrsba-ctrl", "ddpd-u", "bhi-ctrl", "mcdt-no"}},
	[CPU_D_1_EAX] = {0xd, 1, CPU_EAX, {"xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd"}},
	[CPU_80000001_EDX] = {0x80000001, 0, CPU_EDX, {
		[11] = "syscall", [20] = "nx", [22] = "mmxext", [25] = "fxsr-opt", [26] = "pdpe1gb", [27] = "rdtscp",
		[29] = "lm", [30] = "3dnowext", [31] = "3dnow"}},
	[CPU_80000001_ECX] = {0x80000001, 0, CPU_ECX, {
		"lahf-lm", "cmp-legacy", "svm", "extapic", "cr8legacy", "abm", "sse4a", "misalignsse",
		"3dnowprefetch", "osvw", "ibs", "xop", "skinit", "wdt", "", "lwp",
		"fma4", "tce", "", "nodeid-msr", "", "tbm", "topoext", "perfctr-core", "perfctr-nb"}},
	[CPU_80000007_EBX] = {0x80000007, 0, CPU_EBX, {"overflow-recov", "succor"}},
	[CPU_80000007_EDX] = {0x80000007, 0, CPU_EDX, {[8] = "invtsc"}},
	[CPU_80000008_EBX] = {0x80000008, 0, CPU_EBX, {
		[0] = "clzero", [2] = "xsaveerptr", [9] = "wbnoinvd", [12] = "ibpb", [14] = "ibrs", [15] = "amd-stibp",
		[17] = "stibp-always-on", [24] = "amd-ssbd", [25] = "virt-ssbd", [26] = "amd-no-ssb", [28] = "amd-psfd"}},
	[CPU_8000000A_EDX] = {0x8000000a, 0, CPU_EDX, {
		"npt", "lbrv", "svm-lock", "nrip-save", "tsc-scale", "vmcb-clean", "flushbyasid", "decodeassists",
		[10] = "pause-filter", [12] = "pfthreshold", [13] = "avic", [15] = "v-vmsave-vmload", [16] = "vgif",
		[25] = "vnmi", [28] = "svme-addr-chk"}},
	[CPU_80000021_EAX] = {0x80000021, 0, CPU_EAX, {
		[0] = "no-nested-data-bp", [1] = "fs-gs-base-ns", [2] = "lfence-always-serializing",
		[6] = "null-sel-clr-base", [8] = "auto-ibrs", [20] = "prefetchi", [24] = "eraps", [27] = "sbpb",
		[28] = "ibpb-brtype", [29] = "srso-no", [30] = "srso-user-kernel-no"}},
	[CPU_80000022_EAX] = {0x80000022, 0, CPU_EAX, {"perfmon-v2"}},
	[CPU_KVM_EAX] = {0x40000001, 0, CPU_EAX, {
		"kvmclock", "kvm-nopiodelay", "kvm-mmu", "kvmclock",
		"kvm-asyncpf", "kvm-steal-time", "kvm-pv-eoi", "kvm-pv-unhalt",
		"", "kvm-pv-tlb-flush", "kvm-asyncpf-vmexit", "kvm-pv-ipi",
		"kvm-poll-control", "kvm-pv-sched-yield", "kvm-asyncpf-int", "kvm-msi-ext-dest-id",
		[24] = "kvmclock-stable-bit"}},
	[CPU_KVM_EDX] = {0x40000001, 0, CPU_EDX, {"kvm-hint-dedicated"}},
	[CPU_ARCH_CAPABILITIES] = {MSR_ARCH_CAPABILITIES, 0, CPU_MSR, {
		"rdctl-no", "ibrs-all", "rsba", "skip-l1dfl-vmentry", "ssb-no", "mds-no", "pschange-mc-no", "tsx-ctrl",
		"taa-no", [13] = "sbdr-ssdp-no", [14] = "fbsdp-no", [15] = "psdp-no", [17] = "fb-clear", [19] = "rrsba",
		[20] = "bhi-no", [24] = "pbrsb-no", [26] = "gds-no", [27] = "rfds-no", [28] = "rfds-clear"}},
	[CPU_CORE_CAPABILITIES] = {MSR_CORE_CAPABILITIES, 0, CPU_MSR, {[5] = "split-lock-detect"}},
};
/* clang-format on */

/* Other spellings, of QEMU and of Linux' /proc/cpuinfo. */
static const char *const aliases[][2] = {
	{"pni", "sse3"}, {"sse4-1", "sse4.1"}, {"sse4-2", "sse4.2"}, {"xd", "nx"}, {"i64", "lm"}, {"ffxsr", "fxsr-opt"},
	{"pclmuldq", "pclmulqdq"}, {"tsc-deadline-timer", "tsc-deadline"}, {"avx512-vnni", "avx512vnni"},
	{"avx512-vbmi2", "avx512vbmi2"}, {"avx512-bitalg", "avx512bitalg"},
};

const char *
cpu_feature_name(cpu_feature n)
{
	const char *name = cpu_words[n / 32].names[n % 32];

	return *name ? name : NULL;
}

static const char *
meant(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (!strcmp(name, aliases[i][0]))
			return aliases[i][1];
	return name;
}

bool
cpu_features_set(struct cpu_features *f, const char *name, size_t len, bool on)
{
	char text[CPU_FEATURE_NAME_LEN];
	bool found = false;
	const char *want;

	if (len >= sizeof(text))
		return false;
	for (size_t i = 0; i < len; i++)
		text[i] = name[i] == '_' ? '-' : name[i];
	text[len] = '\0';
	want = meant(text);
	for (cpu_feature n = 0; n < CPU_FEATURES; n++) {
		const char *is = cpu_feature_name(n);

		if (!is || *is != *want || strcmp(is, want)) /* some 700 names, for each word, at each start */
			continue;
		found = true;
		if (on)
			f->w[n / 32] |= 1U << n % 32;
		else
			f->w[n / 32] &= ~(1U << n % 32);
	}
	return found;
}

void
cpu_features_apply(struct cpu_features *f, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, " ");
		bool off = *words == '-';

		cpu_features_set(f, words + off, len - off, !off);
		words += len + strspn(words + len, " ");
	}
}

struct cpu_features
cpu_features_without(const struct cpu_features *a, const struct cpu_features *b)
{
	struct cpu_features out;

	for (unsigned i = 0; i < CPU_WORDS; i++)
		out.w[i] = a->w[i] & ~b->w[i];
	return out;
}

bool
cpu_features_any(const struct cpu_features *f)
{
	for (unsigned i = 0; i < CPU_WORDS; i++)
		if (f->w[i])
			return true;
	return false;
}

bool
cpu_features_have(const struct cpu_features *f, const char *words)
{
	struct cpu_features want = {0};

	cpu_features_apply(&want, words);
	want = cpu_features_without(&want, f);
	return !cpu_features_any(&want);
}

void
cpu_features_settle(struct cpu_features *f)
{
	static const struct need {
		const char *feature, *without;
	} needs[] = {
		{"xsave", "-xsaveopt -xsavec -xgetbv1 -xsaves -xfd -avx -mpx -pku -amx-tile"},
		{"avx", "-avx2 -fma -f16c -fma4 -xop -avx-vnni -avx-ifma -avx-vnni-int8 -avx-vnni-int16 -avx-ne-convert -vaes"
			" -vpclmulqdq -sha512 -sm3 -sm4"},
		{"avx2", "-avx512f"},
		{"avx512f", "-avx512dq -avx512ifma -avx512pf -avx512er -avx512cd -avx512bw -avx512vl -avx512vbmi -avx512vbmi2 -avx512vnni"
			    " -avx512bitalg -avx512-vpopcntdq -avx512-4vnniw -avx512-4fmaps -avx512-vp2intersect -avx512-bf16"
			    " -avx512-fp16"},
		{"amx-tile", "-amx-bf16 -amx-int8 -amx-fp16 -amx-complex"},
	};
	static const struct word_of {
		const char *feature;
		enum cpu_word_index word;
	} words[] = {
		{"arch-capabilities", CPU_ARCH_CAPABILITIES}, {"core-capability", CPU_CORE_CAPABILITIES}, {"svm", CPU_8000000A_EDX},
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!cpu_features_have(f, words[i].feature))
			f->w[words[i].word] = 0;
	for (size_t i = 0; i < ARRAY_LEN(needs); i++)
		if (!cpu_features_have(f, needs[i].feature))
			cpu_features_apply(f, needs[i].without);
}

struct cpu_features
cpu_features_named(void)
{
	struct cpu_features f = {0};

	for (cpu_feature n = 0; n < CPU_FEATURES; n++)
		if (cpu_feature_name(n))
			f.w[n / 32] |= 1U << n % 32;
	return f;
}

/* Is n the second bit of a name? */
static bool
repeats(const struct cpu_features *f, cpu_feature n)
{
	for (cpu_feature i = n / 32 * 32; i < n; i++)
		if (cpu_has(f, i) && cpu_feature_name(i) && !strcmp(cpu_feature_name(i), cpu_feature_name(n)))
			return true;
	return false;
}

size_t
cpu_features_print(const struct cpu_features *f, const char *between, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (cpu_feature n = 0; n < CPU_FEATURES && at < size; n++)
		if (cpu_has(f, n) && cpu_feature_name(n) && !repeats(f, n))
			at += (size_t)snprintf(text + at, size - at, "%s%s", at ? between : "", cpu_feature_name(n));
	return at < size ? at : size - 1;
}

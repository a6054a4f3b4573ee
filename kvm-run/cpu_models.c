/* SPDX-License-Identifier: ISC */
/* The table of models. Each row is the step from its base to it. Signatures and features are those of the processors (Intel
 * SDM vol. 2 and 4, AMD's processor programming references) so far as guests have a use for them; names, versions and titles
 * are those of QEMU, so that a guest which was made there finds its processor here. tests/cpu.bats holds the two together.
 * x86-64-v1 to v4 are the levels of the System V ABI, x86-64 psABI 1.0, 3.1.1. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/util.h"
#include "kvm-run/cpu_models.h"

#define P3_CACHES .caches = {{16, 4}, {16, 4}, {256, 8}, {0, 0}}
#define CORE_CACHES .caches = {{32, 8}, {32, 8}, {4096, 16}, {0, 0}}
#define NEHALEM_CACHES .caches = {{32, 8}, {32, 8}, {256, 8}, {16384, 16}}
#define SKYLAKE_CACHES .caches = {{32, 8}, {32, 8}, {1024, 16}, {16384, 16}}
#define ICELAKE_CACHES .caches = {{48, 12}, {32, 8}, {1280, 20}, {49152, 12}}
#define SAPPHIRE_CACHES .caches = {{48, 12}, {32, 8}, {2048, 16}, {61440, 15}}
#define SIERRA_CACHES .caches = {{32, 8}, {64, 8}, {4096, 16}, {49152, 12}}
#define K8_CACHES .caches = {{64, 2}, {64, 2}, {512, 16}, {0, 0}}
#define K10_CACHES .caches = {{64, 2}, {64, 2}, {512, 16}, {6144, 48}}
#define BULLDOZER_CACHES .caches = {{16, 4}, {64, 2}, {2048, 16}, {8192, 64}}
#define ZEN1_CACHES .caches = {{32, 8}, {64, 4}, {512, 8}, {8192, 16}}
#define ZEN2_CACHES .caches = {{32, 8}, {32, 8}, {512, 8}, {16384, 16}}
#define ZEN3_CACHES .caches = {{32, 8}, {32, 8}, {512, 8}, {32768, 16}}
#define ZEN4_CACHES .caches = {{32, 8}, {32, 8}, {1024, 8}, {32768, 16}}
#define ZEN5_CACHES .caches = {{48, 12}, {32, 8}, {1024, 16}, {32768, 16}}

#define X8 0x80000008
#define QEMU_TITLE "QEMU Virtual CPU version 2.5+"

/* What the last version of each EPYC has more: errors of memory it can be told of, and what its own guests use. */
#define ZEN_RAS_AND_SVM                                                                                                \
	"flushbyasid lbrv overflow-recov pause-filter pfthreshold succor tsc-scale v-vmsave-vmload vgif vmcb-clean"

/* clang-format off */
/* name, other name, base, features, {family, model, stepping, last leaf, last extended leaf, title, caches} */
const struct cpu_model cpu_models[] = {
/* nothing at all: for those who list every feature themselves, as the lines of -M baseline do */
{"base", NULL, NULL, "", {6, 6, 3, 0xd, X8, "x86-64 processor", NEHALEM_CACHES}, NULL},

/* the least of each kind */
{"486", NULL, NULL, "fpu pse vme", {4, 8, 0, 1, 0, "", P3_CACHES}, NULL},
{"pentium", NULL, "486", "apic cx8 de mce mmx msr tsc", {5, 4, 3, 1, 0, "", P3_CACHES}, NULL},
{"pentium2", NULL, "pentium", "cmov fxsr mca mtrr pae pat pge pse36 sep", {6, 5, 2, 2, 0, "", P3_CACHES}, NULL},
{"pentium3", NULL, "pentium2", "sse", {6, 7, 3, 3, 0, "", P3_CACHES}, NULL},
{"athlon", NULL, "pentium3", "3dnow 3dnowext mmxext sse2", {6, 2, 3, 2, X8, QEMU_TITLE, K8_CACHES}, NULL},
{"qemu32", NULL, "pentium3", "sse2 sse3 -mca -mtrr -pse36 -vme", {6, 6, 3, 4, 0x80000004, QEMU_TITLE, CORE_CACHES}, NULL},
{"kvm32", NULL, "pentium3", "clflush sse2 sse3", {15, 6, 1, 5, X8, "Common 32-bit KVM processor", CORE_CACHES}, NULL},
{"kvm64", NULL, "kvm32", "cx16 lm nx syscall", {15, 6, 1, 0xd, X8, "Common KVM processor", CORE_CACHES}, NULL},
{"qemu64", NULL, "kvm64", "lahf-lm -vme", {15, 107, 1, 0xd, 0x8000000a, QEMU_TITLE, CORE_CACHES}, NULL},

/* the levels of the psABI; ARAT and the deadline timer are KVM's own work, on any host */
{"x86-64-v1", NULL, "kvm64", "arat tsc-deadline -cx16 -sse3 -vme", {6, 15, 11, 0xd, X8, "x86-64-v1 processor", CORE_CACHES}, "qemu64"},
{"x86-64-v2", NULL, "x86-64-v1", "cx16 lahf-lm popcnt sse3 sse4.1 sse4.2 ssse3",
	{6, 26, 3, 0xd, X8, "x86-64-v2 processor", NEHALEM_CACHES}, "Opteron_G4"},
{"x86-64-v2-AES", NULL, "x86-64-v2", "aes", {.title = "x86-64-v2-AES processor"}, "Opteron_G4"},
{"x86-64-v3", NULL, "x86-64-v2", "abm avx avx2 bmi1 bmi2 f16c fma movbe xsave",
	{6, 60, 4, 0xd, X8, "x86-64-v3 processor", NEHALEM_CACHES}, "EPYC"},
{"x86-64-v4", NULL, "x86-64-v3", "avx512bw avx512cd avx512dq avx512f avx512vl",
	{6, 85, 4, 0xd, X8, "x86-64-v4 processor", SKYLAKE_CACHES}, "EPYC-Genoa"},

/* Intel */
{"coreduo", NULL, "kvm32", "nx ss -pse36", {6, 14, 8, 10, X8, "Genuine Intel(R) CPU           T2600  @ 2.16GHz", CORE_CACHES}, NULL},
{"n270", NULL, "coreduo", "lahf-lm movbe ssse3", {6, 28, 2, 10, X8, "Intel(R) Atom(TM) CPU N270   @ 1.60GHz", CORE_CACHES}, NULL},
{"Conroe", NULL, "kvm64", "lahf-lm ssse3 -cx16", {6, 15, 3, 10, X8, "Intel Celeron_4x0 (Conroe/Merom Class Core 2)", CORE_CACHES}, NULL},
{"core2duo", NULL, "Conroe", "cx16 ss", {6, 15, 11, 10, X8, "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz", CORE_CACHES}, NULL},
{"Penryn", NULL, "Conroe", "cx16 sse4.1", {6, 23, 3, 10, X8, "Intel Core 2 Duo P9xxx (Penryn Class Core 2)", CORE_CACHES}, NULL},
{"Nehalem", NULL, "Penryn", "popcnt sse4.2", {6, 26, 3, 11, X8, "Intel Core i7 9xx (Nehalem Class Core i7)", NEHALEM_CACHES}, NULL},
{"Nehalem-v2", "Nehalem-IBRS", "Nehalem", "spec-ctrl", {.title = "Intel Core i7 9xx (Nehalem Core i7, IBRS update)"}, NULL},
{"Westmere", NULL, "Nehalem", "aes arat pclmulqdq", {6, 44, 1, 11, X8, "Westmere E56xx/L56xx/X56xx (Nehalem-C)", NEHALEM_CACHES}, NULL},
{"Westmere-v2", "Westmere-IBRS", "Westmere", "spec-ctrl", {.title = "Westmere E56xx/L56xx/X56xx (IBRS update)"}, NULL},
{"SandyBridge", NULL, "Westmere", "avx rdtscp tsc-deadline xsave xsaveopt",
	{6, 42, 1, 0xd, X8, "Intel Xeon E312xx (Sandy Bridge)", NEHALEM_CACHES}, NULL},
{"SandyBridge-v2", "SandyBridge-IBRS", "SandyBridge", "spec-ctrl", {.title = "Intel Xeon E312xx (Sandy Bridge, IBRS update)"}, NULL},
{"IvyBridge", NULL, "SandyBridge", "erms f16c fsgsbase rdrand smep",
	{6, 58, 9, 0xd, X8, "Intel Xeon E3-12xx v2 (Ivy Bridge)", NEHALEM_CACHES}, NULL},
{"IvyBridge-v2", "IvyBridge-IBRS", "IvyBridge", "spec-ctrl", {.title = "Intel Xeon E3-12xx v2 (Ivy Bridge, IBRS)"}, NULL},
{"Haswell", NULL, "IvyBridge", "abm avx2 bmi1 bmi2 fma hle invpcid movbe pcid rtm",
	{6, 60, 4, 0xd, X8, "Intel Core Processor (Haswell)", NEHALEM_CACHES}, NULL},
{"Haswell-v2", "Haswell-noTSX", "Haswell", "-hle -rtm",
	{6, 60, 1, 0xd, X8, "Intel Core Processor (Haswell, no TSX)", NEHALEM_CACHES}, NULL},
{"Haswell-v3", "Haswell-IBRS", "Haswell", "spec-ctrl", {.title = "Intel Core Processor (Haswell, IBRS)"}, NULL},
{"Haswell-v4", "Haswell-noTSX-IBRS", "Haswell-v2", "spec-ctrl", {.title = "Intel Core Processor (Haswell, no TSX, IBRS)"}, NULL},
{"Broadwell", NULL, "Haswell", "3dnowprefetch adx rdseed smap",
	{6, 61, 2, 0xd, X8, "Intel Core Processor (Broadwell)", NEHALEM_CACHES}, NULL},
{"Broadwell-v2", "Broadwell-noTSX", "Broadwell", "-hle -rtm", {.title = "Intel Core Processor (Broadwell, no TSX)"}, NULL},
{"Broadwell-v3", "Broadwell-IBRS", "Broadwell", "spec-ctrl", {.title = "Intel Core Processor (Broadwell, IBRS)"}, NULL},
{"Broadwell-v4", "Broadwell-noTSX-IBRS", "Broadwell-v2", "spec-ctrl", {.title = "Intel Core Processor (Broadwell, no TSX, IBRS)"}, NULL},
{"Skylake-Client", NULL, "Broadwell", "xgetbv1 xsavec",
	{6, 94, 3, 0xd, X8, "Intel Core Processor (Skylake)", NEHALEM_CACHES}, NULL},
{"Skylake-Client-v2", "Skylake-Client-IBRS", "Skylake-Client", "spec-ctrl", {.title = "Intel Core Processor (Skylake, IBRS)"}, NULL},
{"Skylake-Client-v3", "Skylake-Client-noTSX-IBRS", "Skylake-Client-v2", "-hle -rtm",
	{.title = "Intel Core Processor (Skylake, IBRS, no TSX)"}, NULL},
{"Skylake-Client-v4", NULL, "Skylake-Client-v3", "xsaves", {0}, NULL},
{"Skylake-Server", NULL, "Skylake-Client", "avx512bw avx512cd avx512dq avx512f avx512vl clflushopt clwb pdpe1gb pku",
	{6, 85, 4, 0xd, X8, "Intel Xeon Processor (Skylake)", SKYLAKE_CACHES}, NULL},
{"Skylake-Server-v2", "Skylake-Server-IBRS", "Skylake-Server", "spec-ctrl -clflushopt",
	{.title = "Intel Xeon Processor (Skylake, IBRS)"}, NULL},
{"Skylake-Server-v3", "Skylake-Server-noTSX-IBRS", "Skylake-Server-v2", "-hle -rtm",
	{.title = "Intel Xeon Processor (Skylake, IBRS, no TSX)"}, NULL},
{"Skylake-Server-v4", NULL, "Skylake-Server-v3", "", {0}, NULL},
{"Skylake-Server-v5", NULL, "Skylake-Server-v4", "xsaves", {0}, NULL},
{"Cascadelake-Server", NULL, "Skylake-Server", "avx512vnni spec-ctrl ssbd",
	{6, 85, 6, 0xd, X8, "Intel Xeon Processor (Cascadelake)", SKYLAKE_CACHES}, NULL},
{"Cascadelake-Server-v2", NULL, "Cascadelake-Server", "arch-capabilities ibrs-all mds-no rdctl-no skip-l1dfl-vmentry", {0}, NULL},
{"Cascadelake-Server-v3", "Cascadelake-Server-noTSX", "Cascadelake-Server-v2", "-hle -rtm", {0}, NULL},
{"Cascadelake-Server-v4", NULL, "Cascadelake-Server-v3", "", {0}, NULL},
{"Cascadelake-Server-v5", NULL, "Cascadelake-Server-v4", "xsaves", {0}, NULL},
{"Cooperlake", NULL, "Cascadelake-Server-v2", "avx512-bf16 pschange-mc-no stibp taa-no",
	{6, 85, 10, 0xd, X8, "Intel Xeon Processor (Cooperlake)", SKYLAKE_CACHES}, NULL},
{"Cooperlake-v2", NULL, "Cooperlake", "xsaves", {0}, NULL},
{"Icelake-Server", NULL, "Cascadelake-Server",
	"avx512-vpopcntdq avx512bitalg avx512vbmi avx512vbmi2 gfni la57 umip vaes vpclmulqdq wbnoinvd",
	{6, 134, 0, 0xd, X8, "Intel Xeon Processor (Icelake)", ICELAKE_CACHES}, NULL},
{"Icelake-Server-v2", "Icelake-Server-noTSX", "Icelake-Server", "-hle -rtm", {0}, NULL},
{"Icelake-Server-v3", NULL, "Icelake-Server-v2",
	"arch-capabilities ibrs-all mds-no pschange-mc-no rdctl-no skip-l1dfl-vmentry taa-no", {0}, NULL},
{"Icelake-Server-v4", NULL, "Icelake-Server-v3", "avx512ifma fsrm rdpid sha-ni",
	{6, 106, 0, 0xd, X8, "Intel Xeon Processor (Icelake)", ICELAKE_CACHES}, NULL},
{"Icelake-Server-v5", NULL, "Icelake-Server-v4", "xsaves", {0}, NULL},
{"Icelake-Server-v6", NULL, "Icelake-Server-v5", "", {0}, NULL},
{"Icelake-Server-v7", NULL, "Icelake-Server-v6", "hle rtm", {0}, NULL},
{"SapphireRapids", NULL, "Icelake-Server-v7",
	"amx-bf16 amx-int8 amx-tile avx-vnni avx512-bf16 avx512-fp16 bus-lock-detect fsrc fsrs fzrm serialize tsx-ldtrk xfd",
	{6, 143, 4, 0x20, X8, "Intel Xeon Processor (SapphireRapids)", SAPPHIRE_CACHES}, NULL},
{"SapphireRapids-v2", NULL, "SapphireRapids", "fbsdp-no psdp-no sbdr-ssdp-no", {0}, NULL},
{"SapphireRapids-v3", NULL, "SapphireRapids-v2", "cldemote movdir64b movdiri ss tsc-adjust", {0}, NULL},
{"GraniteRapids", NULL, "SapphireRapids-v2", "amx-fp16 mcdt-no pbrsb-no prefetchiti",
	{6, 173, 0, 0x20, X8, "Intel Xeon Processor (GraniteRapids)", SAPPHIRE_CACHES}, NULL},
{"SierraForest", NULL, "Broadwell-v4",
	"arch-capabilities avx-ifma avx-ne-convert avx-vnni avx-vnni-int8 bus-lock-detect clflushopt clwb cmpccxadd fbsdp-no fsrm fsrs gfni"
	" ibrs-all mcdt-no mds-no pbrsb-no pdpe1gb pku psdp-no pschange-mc-no rdctl-no rdpid sbdr-ssdp-no serialize sha-ni"
	" skip-l1dfl-vmentry ssbd umip vaes vpclmulqdq wbnoinvd xgetbv1 xsavec xsaves",
	{6, 175, 0, 0x23, X8, "Intel Xeon Processor (SierraForest)", SIERRA_CACHES}, NULL},
{"SierraForest-v2", NULL, "SierraForest",
	"bhi-ctrl cldemote gds-no intel-psfd ipred-ctrl lam movdir64b movdiri rfds-no rrsba-ctrl ss tsc-adjust",
	{6, 175, 3, 0x23, X8, "Intel Xeon Processor (SierraForest)", SIERRA_CACHES}, NULL},
{"ClearwaterForest", NULL, "SierraForest-v2", "avx-vnni-int16 bhi-no ddpd-u prefetchiti sha512 sm3 sm4",
	{6, 221, 0, 0x23, X8, "Intel Xeon Processor (ClearwaterForest)", SIERRA_CACHES}, NULL},
{"KnightsMill", NULL, "Broadwell-v2",
	"avx512-4fmaps avx512-4vnniw avx512-vpopcntdq avx512cd avx512er avx512f avx512pf pdpe1gb ss -invpcid -pcid -smap",
	{6, 133, 0, 0xd, X8, "Intel Xeon Phi Processor (Knights Mill)", SKYLAKE_CACHES}, NULL},
{"Denverton", NULL, "Westmere-v2",
	"3dnowprefetch arch-capabilities clflushopt erms fsgsbase movbe mpx pdpe1gb rdctl-no rdrand rdseed rdtscp sha-ni"
	" skip-l1dfl-vmentry smap smep ssbd tsc-deadline xgetbv1 xsave xsavec xsaveopt",
	{6, 95, 1, 21, X8, "Intel Atom Processor (Denverton)", SKYLAKE_CACHES}, NULL},
{"Denverton-v2", NULL, "Denverton", "-mpx", {0}, NULL},
{"Denverton-v3", NULL, "Denverton-v2", "xsaves", {0}, NULL},
{"Snowridge", NULL, "Denverton",
	"cldemote clwb core-capability gfni movdir64b movdiri split-lock-detect umip -rdctl-no -skip-l1dfl-vmentry",
	{6, 134, 1, 27, X8, "Intel Atom Processor (SnowRidge)", SKYLAKE_CACHES}, NULL},
{"Snowridge-v2", NULL, "Snowridge", "-mpx", {.title = "Intel Atom Processor (Snowridge, no MPX)"}, NULL},
{"Snowridge-v3", NULL, "Snowridge-v2", "xsaves", {0}, NULL},
{"Snowridge-v4", NULL, "Snowridge-v3", "-core-capability -split-lock-detect", {0}, NULL},

/* AMD, and Hygon */
{"phenom", NULL, "athlon", "abm clflush cx16 fxsr-opt lahf-lm lm npt nx pdpe1gb popcnt rdtscp sse3 sse4a syscall",
	{16, 2, 3, 5, 0x8000001a, "AMD Phenom(tm) 9550 Quad-Core Processor", K10_CACHES}, NULL},
{"Opteron_G1", NULL, "kvm64", "-cx16", {15, 6, 1, 5, X8, "AMD Opteron 240 (Gen 1 Class Opteron)", K8_CACHES}, NULL},
{"Opteron_G2", NULL, "kvm64", "lahf-lm", {15, 6, 1, 5, X8, "AMD Opteron 22xx (Gen 2 Class Opteron)", K8_CACHES}, NULL},
{"Opteron_G3", NULL, "Opteron_G2", "abm misalignsse popcnt rdtscp sse4a",
	{16, 2, 3, 5, X8, "AMD Opteron 23xx (Gen 3 Class Opteron)", K10_CACHES}, NULL},
{"Opteron_G4", NULL, "Opteron_G3", "3dnowprefetch aes avx fma4 npt nrip-save pclmulqdq pdpe1gb sse4.1 sse4.2 ssse3 xop xsave",
	{21, 1, 2, 0xd, 0x8000001a, "AMD Opteron 62xx class CPU", BULLDOZER_CACHES}, NULL},
{"Opteron_G5", NULL, "Opteron_G4", "f16c fma tbm", {21, 2, 0, 0xd, 0x8000001a, "AMD Opteron 63xx class CPU", BULLDOZER_CACHES}, NULL},
{"EPYC", NULL, "Opteron_G5",
	"adx arat avx2 bmi1 bmi2 clflushopt cr8legacy fsgsbase fxsr-opt mmxext movbe osvw rdrand rdseed sha-ni smap smep topoext"
	" xgetbv1 xsavec xsaveopt -fma4 -tbm -xop",
	{23, 1, 2, 0xd, 0x8000001e, "AMD EPYC Processor", ZEN1_CACHES}, NULL},
{"EPYC-v2", "EPYC-IBPB", "EPYC", "ibpb", {.title = "AMD EPYC Processor (with IBPB)"}, NULL},
{"EPYC-v3", NULL, "EPYC-v2", "clzero perfctr-core xsaveerptr xsaves", {.title = "AMD EPYC Processor"}, NULL},
{"EPYC-v4", NULL, "EPYC-v3", "", {.title = "AMD EPYC-v4 Processor"}, NULL},
{"EPYC-v5", NULL, "EPYC-v4", ZEN_RAS_AND_SVM, {.title = "AMD EPYC-v5 Processor"}, NULL},
{"Dhyana", NULL, "EPYC-v2", "-aes -pclmulqdq -sha-ni", {24, 0, 1, 0xd, 0x8000001e, "Hygon Dhyana Processor", ZEN1_CACHES}, NULL},
{"Dhyana-v2", NULL, "Dhyana", "xsaves", {0}, NULL},
{"EPYC-Rome", NULL, "EPYC-v3", "amd-stibp clwb rdpid umip wbnoinvd",
	{23, 49, 0, 0xd, 0x8000001e, "AMD EPYC-Rome Processor", ZEN2_CACHES}, NULL},
{"EPYC-Rome-v2", NULL, "EPYC-Rome", "amd-ssbd ibrs", {0}, NULL},
{"EPYC-Rome-v3", NULL, "EPYC-Rome-v2", "", {.title = "AMD EPYC-Rome-v3 Processor"}, NULL},
{"EPYC-Rome-v4", NULL, "EPYC-Rome-v3", "-xsaves", {.title = "AMD EPYC-Rome-v4 Processor (no XSAVES)"}, NULL},
{"EPYC-Rome-v5", NULL, "EPYC-Rome-v4", ZEN_RAS_AND_SVM, {.title = "AMD EPYC-Rome-v5 Processor"}, NULL},
{"EPYC-Milan", NULL, "EPYC-Rome-v2", "erms fsrm invpcid pcid pku svme-addr-chk",
	{25, 1, 1, 0xd, 0x8000001e, "AMD EPYC-Milan Processor", ZEN3_CACHES}, NULL},
{"EPYC-Milan-v2", NULL, "EPYC-Milan",
	"amd-psfd lfence-always-serializing no-nested-data-bp null-sel-clr-base stibp-always-on vaes vpclmulqdq",
	{25, 1, 1, 0xd, 0x80000021, "AMD EPYC-Milan-v2 Processor", ZEN3_CACHES}, NULL},
{"EPYC-Milan-v3", NULL, "EPYC-Milan-v2", ZEN_RAS_AND_SVM, {.title = "AMD EPYC-Milan-v3 Processor"}, NULL},
{"EPYC-Genoa", NULL, "EPYC-Milan-v2",
	"auto-ibrs avx512-bf16 avx512-vpopcntdq avx512bitalg avx512bw avx512cd avx512dq avx512f avx512ifma avx512vbmi avx512vbmi2 avx512vl"
	" avx512vnni gfni la57 vnmi",
	{25, 17, 0, 0xd, 0x80000022, "AMD EPYC-Genoa Processor", ZEN4_CACHES}, NULL},
{"EPYC-Genoa-v2", NULL, "EPYC-Genoa", ZEN_RAS_AND_SVM " fs-gs-base-ns perfmon-v2", {.title = "AMD EPYC-Genoa-v2 Processor"}, NULL},
{"EPYC-Turin", NULL, "EPYC-Genoa-v2",
	"avx-vnni avx512-vp2intersect ibpb-brtype movdir64b movdiri sbpb srso-user-kernel-no",
	{26, 0, 0, 0xd, 0x80000022, "AMD EPYC-Turin Processor", ZEN5_CACHES}, NULL},
};
/* clang-format on */

const size_t cpu_models_count = ARRAY_LEN(cpu_models);

/* A name without a version is the first one. */
static bool
is_named(const struct cpu_model *m, const char *name)
{
	size_t len = strlen(m->name);

	if (!strcasecmp(name, m->name) || (m->also && !strcasecmp(name, m->also)))
		return true;
	return !strncasecmp(name, m->name, len) && !strcmp(name + len, "-v1");
}

const struct cpu_model *
cpu_model_find(const char *name)
{
	for (size_t i = 0; i < cpu_models_count; i++)
		if (is_named(&cpu_models[i], name))
			return &cpu_models[i];
	return NULL;
}

void
cpu_model_identity(const struct cpu_model *m, struct cpu_identity *out)
{
	if (m->base)
		cpu_model_identity(cpu_model_find(m->base), out);
	if (m->is.family)
		*out = m->is;
	if (m->is.title)
		out->title = m->is.title;
}

void
cpu_model_features(const struct cpu_model *m, struct cpu_features *out)
{
	if (m->base)
		cpu_model_features(cpu_model_find(m->base), out);
	else
		*out = (struct cpu_features){0};
	cpu_features_apply(out, m->features);
}

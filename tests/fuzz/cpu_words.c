/* links: kvm-run/cpu_features.c kvm-run/cpu_models.c kvm-run/cpu_option.c kvm-run/cpu_guest.c kvm-run/cpu_leaves.c */
/* links: kvm-run/cpu_host.c kvm-run/cpu_baseline.c kvm-run/cpuid.c kvm-run/hyperv.c kvm-run/subopt.c */
/* SPDX-License-Identifier: ISC */
/* The words of -M, one by one as an option and, as other hosts send them, as lines; whatever they ask for makes a table. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-run/cpu_guest.h"
#include "kvm-run/cpu_leaves.h"
#include "kvm-run/cpu_show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A host that has half of everything, with all components of XSAVE. */
static void
make_host(struct cpu_host *h)
{
	*h = (struct cpu_host){.table = cpuid_new(), .exits = 15};
	if (!h->table)
		abort();
	cpuid_put_ends(h->table, "AuthenticAMD", 0x20, 0x80000022);
	for (unsigned i = 0; i < CPU_WORDS; i++)
		if (cpu_words[i].reg != CPU_MSR)
			*cpuid_reg(cpuid_get(h->table, cpu_words[i].leaf, cpu_words[i].index), cpu_words[i].reg) = 0x55555555U << i % 2;
	for (uint32_t i = 2; i < 20; i++)
		cpuid_get(h->table, 0xd, i)->eax = 64;
	cpuid_get(h->table, 0xd, 0)->eax = 0xfffff;
	cpuid_get(h->table, 0x40000000, 0)->ebx = 0x4b4d564b;
	cpu_host_derive(h);
}

static void
as_option(const char *text, const struct cpu_host *h)
{
	struct kvm_cpuid2 *table;
	struct cpu_option o;
	struct cpu_guest g;
	struct why w;

	if (cpu_option_parse(&o, text, &w))
		return;
	cpu_guest_want(&g, &o, h);
	table = cpu_guest_table(&g, &o, h);
	if (!table || table->nent > CPUID_ENTRIES_MAX)
		abort();
	cpuid_put_tsc(table, 2000000);
	free(table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *in = fmemopen((void *)(uintptr_t)data, size, "r");
	char *text = malloc(size + 1);
	struct cpu_guest common;
	struct cpu_host h;
	struct why w;

	if (!text)
		abort();
	make_host(&h);
	memcpy(text, data, size);
	text[size] = '\0';
	as_option(text, &h);
	if (in && cpu_baseline_read(&common, in, &w) > 0 && common.phys_bits > 52)
		abort();
	if (in)
		fclose(in);
	cpu_host_free(&h);
	free(text);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* What several hosts have in common, as words of -M. Each line is one host's: its own words, which -M and QEMU's -cpu take. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-run/cpu_show.h"

#define LIST_MAX 8192

/* Of this host, of one guest's layout, or of the time that one host counts: not to be promised to a guest that will move. The
 * capabilities of nested virtualisation are in MSRs that differ from host to host. */
#define NOT_SHARED                                                                                                     \
	"-acpi -ht -cmp-legacy -invtsc -monitor -vmx -svm -smx -sgx -sgxlc -intel-pt -arch-lbr -pdcm -perfctr-core -perfctr-nb" \
	" -perfmon-v2 -core-capability -split-lock-detect -kvm-hint-dedicated"

/* What is worse with them: a guest must know if one host has one. */
#define WEAKNESSES "rsba rrsba"

void
cpu_baseline_print(const struct cpu_guest *g)
{
	struct cpu_features f = g->has;
	char list[LIST_MAX];

	cpu_features_apply(&f, NOT_SHARED);
	memset(&f.w[CPU_8000000A_EDX], 0, sizeof(f.w[0]));
	printf("base");
	if (*g->vendor)
		printf(",vendor=%s", g->vendor);
	printf(",family=%u,model=%u,stepping=%u,level=%u,xlevel=%u,phys-bits=%u", g->is.family, g->is.model, g->is.stepping,
	    g->is.level, g->is.xlevel, g->phys_bits);
	if (cpu_features_print(&f, ",+", list, sizeof(list)))
		printf(",+%s", list);
	putchar('\n');
}

static unsigned
signature(const struct cpu_identity *is)
{
	return (unsigned)is->family << 16 | (unsigned)is->model << 8 | is->stepping;
}

static uint32_t
least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Of two processors the older one is named: its errata are minded, and nobody waits for what only the newer one has. */
static void
meet(struct cpu_guest *common, const struct cpu_guest *g)
{
	struct cpu_features weak = {0};

	cpu_features_apply(&weak, WEAKNESSES);
	for (unsigned i = 0; i < CPU_WORDS; i++)
		common->has.w[i] = (common->has.w[i] & g->has.w[i]) | ((common->has.w[i] | g->has.w[i]) & weak.w[i]);
	if (signature(&g->is) < signature(&common->is)) {
		common->is.family = g->is.family;
		common->is.model = g->is.model;
		common->is.stepping = g->is.stepping;
	}
	common->is.level = least(common->is.level, g->is.level);
	common->is.xlevel = least(common->is.xlevel, g->is.xlevel);
	common->phys_bits = least(common->phys_bits, g->phys_bits);
}

/* One line, read as -M would. A model that depends on the host it runs on says nothing here. */
static const char *
read_line(struct cpu_option *o, struct cpu_guest *g, char *line, struct why *w)
{
	static const struct cpu_host nothing = {.phys_bits = 52}; /* outlives the guest, whose vendor is in it */
	const char *fault = cpu_option_parse(o, line, w);

	if (fault)
		return fault;
	if (!o->model)
		return "no model, nor what -M baseline prints";
	cpu_guest_want(g, o, &nothing);
	return NULL;
}

/* The next line with something in it, without its end; NULL after the last. */
static char *
next_line(FILE *in, char **line, size_t *size, unsigned *number)
{
	ssize_t len;

	while ((len = getline(line, size, in)) >= 0) {
		++*number;
		while (len && strchr(" \t\r\n", (*line)[len - 1]))
			(*line)[--len] = '\0';
		if (len && (*line)[0] != '#')
			return *line;
	}
	return NULL;
}

int
cpu_baseline_read(struct cpu_guest *common, FILE *in, struct why *w)
{
	static char vendor[CPU_VENDOR_LEN + 1];
	char *line = NULL;
	const char *fault = NULL;
	size_t size = 0;
	unsigned number = 0;
	int count = 0;

	while (!fault && next_line(in, &line, &size, &number)) {
		struct cpu_option o;
		struct cpu_guest g;
		struct why inner;

		fault = read_line(&o, &g, line, &inner);
		if (fault) {
			fault = why(w, "line %u: %s", number, fault);
		} else if (!count++) {
			*common = g;
			memcpy(vendor, g.vendor, sizeof(vendor));
			common->vendor = vendor;
		} else if (strcmp(vendor, g.vendor)) {
			fault = why(w, "line %u: %s and %s have no model in common that a guest could move by", number, vendor, g.vendor);
		} else {
			meet(common, &g);
		}
	}
	free(line);
	return fault ? -1 : count;
}

/* SPDX-License-Identifier: ISC */
/* What -M shows; the contracts are in cpu_show.h. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/cpu_show.h"

#define LIST_MAX 8192

static void
open_host(struct cpu_host *h)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die_sys("/dev/kvm");
	if (cpu_host_read(h, fd) < 0)
		die_sys("KVM_GET_SUPPORTED_CPUID");
	close(fd);
}

static void
list(void)
{
	struct cpu_host h;

	open_host(&h);
	printf("host\t-\t-\tthis host's processor, with all that KVM offers of it\nmax\t-\t-\tthe same\n");
	for (const struct cpu_model *m = cpu_models; m < cpu_models + cpu_models_count; m++) {
		struct cpu_features lacks;
		struct cpu_option o;
		struct cpu_guest g;
		struct why w;
		char text[LIST_MAX];

		cpu_option_parse(&o, m->name, &w);
		cpu_guest_want(&g, &o, &h);
		lacks = cpu_guest_lacks(&g, &h);
		cpu_features_print(&lacks, ",", text, sizeof(text));
		printf("%s\t%s\t%s\t%s\n", m->name, m->also ? m->also : "-", *text ? text : "-", *g.is.title ? g.is.title : "-");
	}
	cpu_host_free(&h);
}

/* A named model spelled out needs no KVM, and takes no vendor from here. */
static void
baseline_of(const struct cpu_option *o)
{
	struct cpu_host h = {.phys_bits = 52};
	struct cpu_guest g;

	if (!o->model)
		open_host(&h);
	cpu_guest_want(&g, o, &h);
	cpu_baseline_print(&g);
	cpu_host_free(&h);
}

int
cpu_show(const struct cpu_option *o)
{
	struct cpu_guest common;
	struct why w;
	int count = 0;

	if (o->show == CPU_SHOW_LIST)
		list();
	else if (o->alone && !isatty(0))
		count = cpu_baseline_read(&common, stdin, &w);
	if (count < 0)
		die_usage("-M baseline: %s", w.text);
	if (count > 0)
		cpu_baseline_print(&common);
	else if (o->show == CPU_SHOW_BASELINE)
		baseline_of(o);
	flush_stdout();
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* The host's CPUs and memory; the contracts are in host.h. Paths are those of the kernel's Documentation/ABI. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-pin/host.h"
#include "vm-pin/read.h"

#define CPU_DIR "sys/devices/system/cpu"

int
host_root(const char *path)
{
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (root < 0)
		die_sys("%s", path);
	return root;
}

static bool
cpu_number(int root, unsigned cpu, const char *file, uint32_t *value)
{
	char path[96];
	uint64_t v;

	*value = HOST_NONE;
	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/%s", cpu, file);
	if (!read_number(root, path, &v) || v >= HOST_NONE)
		return false;
	*value = (uint32_t)v;
	return true;
}

/* The lowest CPU of a list of siblings, which is what names them all. */
static uint32_t
lowest(int root, unsigned cpu, const char *file, uint32_t otherwise)
{
	char path[96];
	struct cpus c;

	snprintf(path, sizeof(path), CPU_DIR "/cpu%u/%s", cpu, file);
	return read_cpus(root, path, &c) && !cpus_empty(&c) ? cpus_next(&c, 0) : otherwise;
}

/* The highest index is the last level's cache; each has the level beside it, in no order that is promised. */
static uint32_t
last_cache(int root, unsigned cpu, uint32_t otherwise)
{
	uint32_t level, best = 1, found = otherwise;
	char file[48];

	for (unsigned i = 0; i < 8; i++) {
		snprintf(file, sizeof(file), "cache/index%u/level", i);
		if (!cpu_number(root, cpu, file, &level))
			break;
		if (level <= best)
			continue;
		best = level;
		snprintf(file, sizeof(file), "cache/index%u/shared_cpu_list", i);
		found = lowest(root, cpu, file, otherwise);
	}
	return found;
}

static void
read_cpu(struct host *h, int root, unsigned cpu)
{
	struct host_cpu *c = &h->cpu[cpu];

	*c = (struct host_cpu){HOST_NONE, HOST_NONE, HOST_NONE, HOST_NONE, HOST_NONE, HOST_NONE, false};
	if (!cpus_has(&h->online, cpu))
		return;
	cpu_number(root, cpu, "topology/physical_package_id", &c->socket);
	cpu_number(root, cpu, "topology/core_id", &c->core_id);
	/* This is what Linux 5.3 renamed to core_cpus_list, and it has both since. */
	c->core = lowest(root, cpu, "topology/thread_siblings_list", cpu);
	c->die = lowest(root, cpu, "topology/die_cpus_list", HOST_NONE);
	c->l3 = last_cache(root, cpu, c->core);
}

static void
read_cpus_of_host(struct host *h, int root)
{
	struct cpus small;

	if (!read_cpus(root, CPU_DIR "/possible", &h->possible) || cpus_empty(&h->possible))
		die_sys("/" CPU_DIR "/possible");
	read_cpus(root, CPU_DIR "/present", &h->present);
	read_cpus(root, CPU_DIR "/online", &h->online);
	read_cpus(root, CPU_DIR "/isolated", &h->isolated);
	read_cpus(root, CPU_DIR "/nohz_full", &h->nohz_full);
	read_cpus(root, "sys/devices/cpu_atom/cpus", &small); /* a PMU that only hybrid machines have */
	for (unsigned c = cpus_next(&h->possible, 0); c < CPUS_MAX; c = cpus_next(&h->possible, c + 1))
		h->ncpus = c + 1;
	h->cpu = calloc(h->ncpus, sizeof(*h->cpu));
	if (!h->cpu)
		die_sys("%u CPUs", h->ncpus);
	for (unsigned c = 0; c < h->ncpus; c++) {
		read_cpu(h, root, c);
		h->cpu[c].small = cpus_has(&small, c);
	}
}

void
host_read(struct host *h, int root)
{
	*h = (struct host){0};
	read_cpus_of_host(h, root);
	host_read_nodes(h, root);
	read_complete();
}

void
host_free(struct host *h)
{
	free(h->cpu);
	free(h->node);
}

void
host_core(const struct host *h, unsigned of, struct cpus *c)
{
	*c = (struct cpus){0};
	for (unsigned i = 0; of < h->ncpus && i < h->ncpus; i++)
		if (h->cpu[i].core == h->cpu[of].core && h->cpu[i].core != HOST_NONE)
			cpus_add(c, i);
}

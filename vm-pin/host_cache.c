/* SPDX-License-Identifier: ISC */
/* The host's caches; the contract is in host.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "vm-pin/host.h"
#include "vm-pin/read.h"

/* False when there is no such cache. */
static bool
read_cache(int root, unsigned cpu, unsigned index, struct host_cache *c)
{
	char dir[64], path[96], text[32];
	uint64_t level;

	snprintf(dir, sizeof(dir), "sys/devices/system/cpu/cpu%u/cache/index%u", cpu, index);
	snprintf(path, sizeof(path), "%s/level", dir);
	if (!read_number(root, path, &level))
		return false;
	c->level = (uint32_t)level;
	snprintf(path, sizeof(path), "%s/shared_cpu_list", dir);
	read_cpus(root, path, &c->cpus);
	snprintf(path, sizeof(path), "%s/type", dir);
	if (!read_text(root, path, c->type, sizeof(c->type)))
		c->type[0] = '\0';
	snprintf(path, sizeof(path), "%s/size", dir);
	if (!read_text(root, path, text, sizeof(text)) || !size_parse(text, 1, 0, UINT64_MAX, &c->size))
		c->size = 0;
	return true;
}

static int
by_level(const void *a, const void *b)
{
	const struct host_cache *x = a, *y = b;
	unsigned i = cpus_next(&x->cpus, 0), j = cpus_next(&y->cpus, 0);

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return i != j ? (i > j) - (i < j) : strcmp(x->type, y->type);
}

struct host_cache *
host_caches(const struct host *h, int root, size_t *n)
{
	struct host_cache *v = NULL, c;
	size_t room = 0;

	*n = 0;
	for (unsigned cpu = cpus_next(&h->online, 0); cpu < h->ncpus; cpu = cpus_next(&h->online, cpu + 1)) {
		for (unsigned i = 0; read_cache(root, cpu, i, &c); i++) {
			if (cpus_next(&c.cpus, 0) != cpu)
				continue; /* told of already */
			if (*n == room) {
				room = room ? 2 * room : 16;
				v = realloc(v, room * sizeof(*v));
			}
			if (!v)
				die_sys("caches");
			v[(*n)++] = c;
		}
	}
	if (*n)
		qsort(v, *n, sizeof(*v), by_level);
	return v;
}

/* SPDX-License-Identifier: ISC */
/* The layout of the processors; the contracts are in topology.h. */
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "kvm-run/subopt.h"
#include "kvm-run/topology.h"

enum { CPUS, MAXCPUS, SOCKETS, CORES, THREADS, COUNTS };

/* Fills counts with what the text says, 0 for what it does not. */
static const char *
read_counts(uint64_t counts[COUNTS], char *text, char *why, size_t size)
{
	static const char *const names[COUNTS] = {"cpus", "maxcpus", "sockets", "cores", "threads"};
	const char *key;
	char *value;

	for (bool first = true; subopt_next(&text, &key, &value); first = false) {
		size_t i = 0;

		if (first && !value) {
			if (!num_parse(key, 1, TOPOLOGY_CPUS_MAX, &counts[CPUS]))
				return "not a number from 1 to 1024";
			continue;
		}
		while (i < COUNTS && strcmp(key, names[i]))
			i++;
		if (i == COUNTS)
			snprintf(why, size, "%s: none of cpus, maxcpus, sockets, cores, threads", key);
		else if (counts[i])
			snprintf(why, size, "%s: twice", key);
		else if (!value || !num_parse(value, 1, TOPOLOGY_CPUS_MAX, &counts[i]))
			snprintf(why, size, "%s=%s: not a number from 1 to %d", key, value ? value : "", TOPOLOGY_CPUS_MAX);
		else
			continue;
		return why;
	}
	return NULL;
}

/* The one of the three that was not said is what is left of all; cores before sockets, and threads only when said. */
static void
complete(uint64_t n[COUNTS])
{
	uint64_t all = n[MAXCPUS] ? n[MAXCPUS] : n[CPUS];

	if (!n[THREADS])
		n[THREADS] = all && n[SOCKETS] && n[CORES] && all / n[SOCKETS] / n[CORES] ? all / n[SOCKETS] / n[CORES] : 1;
	if (!n[CORES])
		n[CORES] = all && n[SOCKETS] * n[THREADS] <= all ? all / ((n[SOCKETS] ? n[SOCKETS] : 1) * n[THREADS]) : 1;
	if (!n[SOCKETS])
		n[SOCKETS] = all && n[CORES] * n[THREADS] <= all ? all / (n[CORES] * n[THREADS]) : 1;
	if (!n[MAXCPUS])
		n[MAXCPUS] = all ? all : n[SOCKETS] * n[CORES] * n[THREADS];
	if (!n[CPUS])
		n[CPUS] = n[MAXCPUS];
}

const char *
topology_parse(struct topology *t, const char *text, char *why, size_t size)
{
	uint64_t n[COUNTS] = {0};
	char copy[128];
	const char *fault;

	if (strlen(text) >= sizeof(copy))
		return "too long";
	memcpy(copy, text, strlen(text) + 1);
	fault = read_counts(n, copy, why, size);
	if (fault)
		return fault;
	complete(n);
	if (n[MAXCPUS] > TOPOLOGY_CPUS_MAX)
		snprintf(why, size, "%llu vCPUs: at most %d", (unsigned long long)n[MAXCPUS], TOPOLOGY_CPUS_MAX);
	else if (n[CPUS] > n[MAXCPUS])
		snprintf(why, size, "%llu vCPUs are more than maxcpus, %llu", (unsigned long long)n[CPUS],
		    (unsigned long long)n[MAXCPUS]);
	else if (n[SOCKETS] * n[CORES] * n[THREADS] != n[MAXCPUS])
		snprintf(why, size, "%llu sockets of %llu cores of %llu threads are not %llu vCPUs", (unsigned long long)n[SOCKETS],
		    (unsigned long long)n[CORES], (unsigned long long)n[THREADS], (unsigned long long)n[MAXCPUS]);
	else {
		*t = (struct topology){.cpus = (unsigned)n[CPUS], .max = (unsigned)n[MAXCPUS], .sockets = (unsigned)n[SOCKETS],
		    .cores = (unsigned)n[CORES], .threads = (unsigned)n[THREADS]};
		return NULL;
	}
	return why;
}

/* The smallest number of bits that tells `count` things apart. */
static unsigned
bits(unsigned count)
{
	unsigned n = 0;

	while (1U << n < count)
		n++;
	return n;
}

unsigned
topology_thread_bits(const struct topology *t)
{
	return bits(t->threads);
}

unsigned
topology_core_bits(const struct topology *t)
{
	return bits(t->cores);
}

uint32_t
topology_apic_id(const struct topology *t, unsigned index)
{
	unsigned thread = index % t->threads, core = index / t->threads % t->cores, socket = index / t->threads / t->cores;

	return socket << (topology_thread_bits(t) + topology_core_bits(t)) | core << topology_thread_bits(t) | thread;
}

/* links: vm-pin/cpulist.c vm-pin/host.c vm-pin/host_node.c vm-pin/layout.c vm-pin/place.c vm-pin/read.c vm-pin/sched.c */
/* SPDX-License-Identifier: ISC */
/*
 * -a on a host of two sockets, a node each, of four cores of two threads, two cores to a last-level cache: CPU n and n + 8 are the
 * threads of core n, and nodes are of CPUs 0-3,8-11 and 4-7,12-15.
 */
#include <stdlib.h>

#include "tests/unit/tap.h"
#include "vm-pin/layout.h"

#define CORES 8

static struct host host;

/* Nobody else is there, and the guest's memory is not looked at. */
size_t
guest_find_all(struct guest **guests, int root)
{
	(void)root;
	*guests = NULL;
	return 0;
}

bool
guest_memory(const struct guest *g, uint64_t *bytes, unsigned n)
{
	memset(bytes, 0, n * sizeof(*bytes));
	bytes[1] = g->memory;
	return g->memory;
}

void
guest_free(struct guest *g)
{
	(void)g;
}

static void
make_host(void)
{
	host = (struct host){.ncpus = 2 * CORES};
	host.cpu = calloc(host.ncpus, sizeof(*host.cpu));
	host.node = calloc(HOST_NODES, sizeof(*host.node));
	if (!host.cpu || !host.node)
		exit(1);
	for (unsigned i = 0; i < host.ncpus; i++) {
		unsigned core = i % CORES, node = core / 4;

		host.cpu[i] = (struct host_cpu){.socket = node, .core = core, .core_id = core, .l3 = core & ~1U, .node = node};
		cpus_add(&host.online, i);
		cpus_add(&host.node[node].cpus, i);
	}
	for (unsigned n = 0; n < 2; n++) {
		cpus_add(&host.nodes, n);
		host.node[n].distance[n] = 10;
		host.node[n].distance[!n] = 21;
	}
}

static struct cpus
set(const char *text)
{
	struct cpus c;

	cpus_parse(&c, text);
	return c;
}

/* The CPUs that so many vCPUs get, in their order, and behind a '|' those of the other threads. */
static const char *
laid_out(unsigned n, const char *isolated, const char *within, const char *others, bool whole, unsigned prefer)
{
	static char out[512];
	char list[CPULIST_TEXT];
	struct cpus w = set(within), o = set(others), rest;
	struct layout l;
	unsigned cpu;

	host.isolated = set(isolated);
	layout_begin(&l, &host, &w, &o, whole);
	layout_home(&l, n, prefer);
	out[0] = '\0';
	for (unsigned i = 0; i < n; i++) {
		if (!layout_next(&l, &cpu)) {
			strcat(out, "none");
			return out;
		}
		sprintf(out + strlen(out), "%u ", cpu);
	}
	layout_rest(&l, &rest);
	sprintf(out + strlen(out), "%s| %s", l.shares ? "shared " : "", cpus_text(&rest, list, sizeof(list)));
	return out;
}

static void
test_topology(void)
{
	is(laid_out(4, "", "", "", false, HOST_NONE), "0 8 1 9 | 2-3,10-11", "threads of a core, cores of a cache, one node");
	is(laid_out(4, "", "", "", false, 1), "4 12 5 13 | 6-7,14-15", "the node that has the memory");
	is(laid_out(3, "", "", "", false, 0), "0 8 1 | 2-3,10-11", "half a core is nobody else's");
	is(laid_out(8, "", "", "", false, 0), "0 8 1 9 2 10 3 11 | ", "a whole node, which leaves nothing");
	is(laid_out(10, "", "", "", false, 0), "0 8 1 9 2 10 3 11 4 12 | 5-7,13-15", "more than a node");
	is(laid_out(17, "", "", "", false, 0), "0 8 1 9 2 10 3 11 4 12 5 13 6 14 7 15 none", "more than there is");
}

static void
test_others(void)
{
	is(laid_out(4, "", "", "0,8,1", false, HOST_NONE), "4 12 5 13 | 6-7,14-15", "the node with most room");
	is(laid_out(5, "", "", "0,8,1", false, 0), "2 10 3 11 9 | ", "cores that are whole before the half of one");
	is(laid_out(4, "", "", "0,8,1", true, 0), "2 10 3 11 | ", "-x: without the half");
	is(laid_out(5, "", "0-3,8-11", "0,8,1", true, 0), "2 10 3 11 none", "-x: no more than that");
	is(laid_out(2, "", "0-1", "0-1", false, 0), "0 1 shared | ", "those of others when there are none else");
	is(laid_out(2, "0,8,4-7,12-15", "", "", false, HOST_NONE), "1 9 | 2-3,10-11", "not those that are isolated");
	is(laid_out(6, "0,4-7,12-15", "", "", false, 0), "1 9 2 10 3 11 | 8", "their siblings last");
	is(laid_out(7, "0,4-7,12-15", "", "", true, 0), "1 9 2 10 3 11 none", "-x: nor their siblings");
	is(laid_out(2, "4-7,12-15", "4-7,12-15", "", true, 0), "4 12 | 5-7,13-15", "but when they are named");
	host.cpu[0].small = host.cpu[8].small = true;
	is(laid_out(2, "", "", "", false, 0), "1 9 | 0,2-3,8,10-11", "big cores before small ones");
	host.cpu[0].small = host.cpu[8].small = false;
	cpus_del(&host.online, 8);
	is(laid_out(2, "", "", "", false, 0), "0 1 | 2-3,10-11", "a thread that is offline");
	cpus_add(&host.online, 8);
}

/* The places for a guest whose vCPUs come one after the other. */
static void
test_places(void)
{
	struct guest_thread threads[4] = {{.kind = THREAD_VCPU}, {.kind = THREAD_VCPU, .index = 1}, {.kind = THREAD_VCPU, .index = 2},
	    {.kind = THREAD_IO, .name = "net0"}};
	struct guest g = {.threads = threads, .nthreads = 4, .nvcpus = 2, .memory = 1};
	struct cpus none = {0}, c;
	struct places ps = {0};
	char list[CPULIST_TEXT];
	struct layout l;
	struct why w;

	host.isolated = none;
	ok(!place_add(&ps, "1=9@fifo", -1, &w), "a place of the user's");
	layout_begin(&l, &host, &none, &none, false);
	layout_home(&l, 2, layout_memory_node(&g));
	ok(l.home == 1, "the node of the memory");
	ok(!layout_places(&l, &ps, &g, &w), "two vCPUs");
	place_cpus(place_cpus_of(&ps, &threads[0]), &threads[0], &c);
	is(cpus_text(&c, list, sizeof(list)), "4", "one is laid out");
	place_cpus(place_cpus_of(&ps, &threads[1]), &threads[1], &c);
	is(cpus_text(&c, list, sizeof(list)), "9", "one is where the user said");
	place_cpus(place_cpus_of(&ps, &threads[3]), &threads[3], &c);
	is(cpus_text(&c, list, sizeof(list)), "0,2-3,5-8,10-11,13-15", "the rest");
	g.nvcpus = 3;
	ok(!layout_places(&l, &ps, &g, &w), "one more");
	place_cpus(place_cpus_of(&ps, &threads[2]), &threads[2], &c);
	is(cpus_text(&c, list, sizeof(list)), "12", "it completes the core");
	place_cpus(place_cpus_of(&ps, &threads[3]), &threads[3], &c);
	is(cpus_text(&c, list, sizeof(list)), "0,2-3,5-8,10-11,13-15", "the same is left");
	places_free(&ps);
}

int
main(void)
{
	make_host();
	test_topology();
	test_others();
	test_places();
	free(host.cpu);
	free(host.node);
	return tap_done();
}

/* links: kvm-run/numa.c kvm-run/topology.c kvm-run/subopt.c */
/* SPDX-License-Identifier: ISC */
/* The guest's nodes: memory on both sides of the PCI hole, processors in shares or as they are told. */
#include <string.h>

#include "kvm-run/mem.h"
#include "kvm-run/numa.h"
#include "tests/unit/tap.h"

#define G (1ULL << 30)

static struct numa n;
static char why[96];
static struct mem_hot hot;
static unsigned split;

static const char *
init(unsigned nodes, const uint64_t *sizes, const char *cpus, struct topology t)
{
	struct memory_options m = {.nodes = nodes, .node_cpus = cpus};
	struct guest_mem mem = {.hot = hot};
	const char *fault;

	for (unsigned i = 0; i < nodes; i++) {
		m.node_size[i] = sizes[i];
		mem.size += sizes[i];
	}
	mem.low_size = mem.size < MEM_HOLE_START ? mem.size : MEM_HOLE_START;
	t.max = t.sockets * t.cores * t.threads;
	fault = numa_init(&n, &m, &t, &mem, why, sizeof(why));
	if (fault)
		return fault;
	split = numa_split(&n, &t);
	return NULL;
}

static bool
range(unsigned i, unsigned node, uint64_t gpa, uint64_t size)
{
	return n.ranges[i].node == node && n.ranges[i].gpa == gpa && n.ranges[i].size == size && !n.ranges[i].hot;
}

static bool
cpus(const char *want)
{
	for (unsigned i = 0; want[i]; i++)
		if (n.cpu_node[i] != want[i] - '0')
			return false;
	return true;
}

#define LAYOUT(s, c, t) ((struct topology){.sockets = (s), .cores = (c), .threads = (t)})

static void
check_memory(void)
{
	ok(!init(1, (uint64_t[]){3 * G}, NULL, LAYOUT(1, 2, 1)) && !n.nodes && n.nranges == 2, "one node is none that is told of");
	ok(range(0, 0, 0, 2 * G) && range(1, 0, 4 * G, G), "but its memory is");
	hot = (struct mem_hot){.start = 8 * G, .size = G};
	ok(!init(1, (uint64_t[]){3 * G}, NULL, LAYOUT(1, 2, 1)) && n.nodes == 1 && n.nranges == 3 && n.ranges[2].hot && n.ranges[2].gpa == 8 * G, "memory that may come: it is");
	hot.size = 0;
	ok(!init(2, (uint64_t[]){G, G}, NULL, LAYOUT(1, 2, 1)) && n.nodes == 2 && n.nranges == 2, "two nodes");
	ok(range(0, 0, 0, G) && range(1, 1, G, G), "below the hole");
	ok(!init(3, (uint64_t[]){G, 2 * G, G}, NULL, LAYOUT(1, 3, 1)) && n.nranges == 4, "three");
	ok(range(0, 0, 0, G) && range(1, 1, G, G) && range(2, 1, 4 * G, G) && range(3, 2, 5 * G, G), "the second is on both sides");
	ok(!init(2, (uint64_t[]){2 * G, G}, NULL, LAYOUT(1, 2, 1)) && n.nranges == 2 && range(1, 1, 4 * G, G), "the hole between two");
}

static void
check_shares(void)
{
	static const uint64_t sizes[4] = {G, G, G, G};

	init(2, sizes, NULL, LAYOUT(2, 2, 2));
	ok(cpus("00001111") && !split, "a socket each, which shares a cache");
	init(2, sizes, NULL, LAYOUT(3, 2, 1));
	ok(cpus("000011"), "whole sockets");
	init(2, sizes, NULL, LAYOUT(1, 3, 2));
	ok(cpus("000011") && split == 1, "whole cores, of which two share a cache");
	init(4, sizes, NULL, LAYOUT(1, 1, 8));
	ok(cpus("00112233") && !split, "threads, when that is all there is");
	init(4, sizes, NULL, LAYOUT(2, 1, 1));
	ok(cpus("02"), "nodes without processors");
}

static void
check_said(void)
{
	static const uint64_t sizes[2] = {G, G};
	static const struct {
		const char *text, *want;
	} wrong[] = {
	    {"0-1", "cpus: 2 is in no node"}, {"0-2:2-3", "cpus: 2 is in two nodes"}, {"0:1:2-3", "cpus: more groups than nodes"},
	    {"0-4", "cpus: a range of vCPUs, 0 to 3, is wanted"}, {"2-1:0", "cpus: a range of vCPUs, 0 to 3, is wanted"},
	    {":0-3", "cpus: a range of vCPUs, 0 to 3, is wanted"}, {"0-3+", "cpus: a range of vCPUs, 0 to 3, is wanted"},
	};

	ok(!init(2, sizes, "3+0-1:2,huge", LAYOUT(1, 4, 1)) && cpus("0010") && split == 2,
	    "as it is said, to the next word; a cache a core");
	ok(!init(2, sizes, "0-3", LAYOUT(1, 4, 1)) && cpus("0000"), "a node may have none");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *got = init(2, sizes, wrong[i].text, LAYOUT(1, 4, 1));

		ok(got && !strcmp(got, wrong[i].want), "%s: %s", wrong[i].text, got ? got : "no fault");
	}
}

int
main(void)
{
	check_memory();
	check_shares();
	check_said();
	return tap_done();
}

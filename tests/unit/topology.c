/* links: kvm-run/topology.c kvm-run/subopt.c */
/* SPDX-License-Identifier: ISC */
/* -c: what is not said is derived as QEMU 7.2's -smp, asked each of these, derives it; and the APIC ids that follow. */
#include <string.h>

#include "kvm-run/topology.h"
#include "tests/unit/tap.h"

static void
check_layouts(void)
{
	static const struct {
		const char *text;
		struct topology want;
	} good[] = {
	    {"1", {1, 1, 1, 1, 1, 0}}, {"4", {4, 4, 1, 4, 1, 0}}, {"4,sockets=2", {4, 4, 2, 2, 1, 0}}, {"8,cores=2", {8, 8, 4, 2, 1, 0}},
	    {"8,threads=2", {8, 8, 1, 4, 2, 0}}, {"8,sockets=2,cores=2", {8, 8, 2, 2, 2, 0}},
	    {"6,maxcpus=12,sockets=3", {6, 12, 3, 4, 1, 0}}, {"maxcpus=8,cores=4,threads=2", {8, 8, 1, 4, 2, 0}},
	    {"sockets=2,cores=3", {6, 6, 2, 3, 1, 0}}, {"threads=2", {2, 2, 1, 1, 2, 0}}, {"sockets=2,maxcpus=6", {6, 6, 2, 3, 1, 0}},
	    {"3,maxcpus=8", {3, 8, 1, 8, 1, 0}}, {"cpus=4,sockets=2,cores=2,threads=1,maxcpus=4", {4, 4, 2, 2, 1, 0}},
	    {"1024", {1024, 1024, 1, 1024, 1, 0}},
	};
	static const char *const bad[] = {
	    "8,sockets=3", "7,cores=2", "4,maxcpus=2", "sockets=2,cores=2,threads=2,cpus=3", "2,sockets=3", "5,sockets=5,threads=2",
	    "6,sockets=2,cores=2", "4,cores=8", "cores=3,maxcpus=10", "0", "", "x", "4,cores=0", "4,cores", "4,cores=2,cores=2",
	    "4,dies=2", "1025", "sockets=1024,cores=2", "sockets=1024,cores=1024,threads=1024", "4,", "4,4", "cpus=4,cpus=4", "-1"};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct topology t = {0};
		char why[128];

		ok(!topology_parse(&t, good[i].text, why, sizeof(why)) && !memcmp(&t, &good[i].want, sizeof(t)),
		    "%s: %u of %u: %u sockets of %u cores of %u threads", good[i].text, t.cpus, t.max, t.sockets, t.cores, t.threads);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct topology t = {.cpus = 77};
		char why[128];
		const char *got = topology_parse(&t, bad[i], why, sizeof(why));

		ok(got && *got && t.cpus == 77, "%s: %s", bad[i], got ? got : "no fault");
	}
}

/* Each layout: ids that are all different, ascend, and tell thread, core and socket by whole bits. */
static void
check_ids(void)
{
	static const struct {
		struct topology t;
		uint32_t last;
	} cases[] = {
	    {{.sockets = 1, .cores = 255, .threads = 1}, 254}, {{.sockets = 2, .cores = 3, .threads = 2}, 0xd},
	    {{.sockets = 3, .cores = 5, .threads = 3}, 2 << 5 | 4 << 2 | 2}, {{.sockets = 7, .cores = 1, .threads = 1}, 6},
	    {{.sockets = 2, .cores = 129, .threads = 1}, 256 + 128},
	};

	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		const struct topology *t = &cases[c].t;
		unsigned n = t->sockets * t->cores * t->threads, wrong = 0;

		for (unsigned i = 0; i < n; i++) {
			uint32_t id = topology_apic_id(t, i), core = id >> topology_thread_bits(t);

			wrong += i && id <= topology_apic_id(t, i - 1);
			wrong += (id & ((1U << topology_thread_bits(t)) - 1)) != i % t->threads;
			wrong += (core & ((1U << topology_core_bits(t)) - 1)) != i / t->threads % t->cores;
			wrong += core >> topology_core_bits(t) != i / t->threads / t->cores;
		}
		ok(!wrong && topology_apic_id(t, n - 1) == cases[c].last, "%u sockets of %u cores of %u threads: the last is %u",
		    t->sockets, t->cores, t->threads, topology_apic_id(t, n - 1));
	}
}

int
main(void)
{
	check_layouts();
	check_ids();
	return tap_done();
}

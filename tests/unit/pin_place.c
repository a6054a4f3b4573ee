/* links: vm-pin/cpulist.c vm-pin/place.c vm-pin/read.c vm-pin/sched.c */
/* SPDX-License-Identifier: ISC */
/* Places from words, and which of them prevail for a thread. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/pin_tree.h"
#include "tests/unit/tap.h"
#include "vm-pin/place.h"

static int root;

static const struct guest_thread vcpu0 = {.kind = THREAD_VCPU}, vcpu3 = {.kind = THREAD_VCPU, .index = 3}, io = {.kind = THREAD_IO},
				 other = {.kind = THREAD_MAIN};

/* "CPUS@CLASS" that the words of a list come to for a thread; or why they are none. */
static const char *
comes_to(const char *list, const struct guest_thread *t)
{
	static char out[512];
	char *text = strdup(list), cpus[CPULIST_TEXT] = "-", class[SCHED_TEXT] = "-";
	const struct place *where, *how;
	struct places ps = {0};
	const char *fault;
	struct why w;
	struct cpus c;

	fault = place_add_list(&ps, text, root, &w);
	snprintf(out, sizeof(out), "%s", fault ? fault : "");
	where = place_cpus_of(&ps, t);
	how = place_class_of(&ps, t);
	if (where && !place_cpus(where, t, &c))
		strcpy(cpus, "none left");
	else if (where)
		where->cpus.any ? strcpy(cpus, "any") : cpus_text(&c, cpus, sizeof(cpus));
	if (how)
		sched_text(&how->class, class);
	if (!fault)
		snprintf(out, sizeof(out), "%s@%s", cpus, class);
	places_free(&ps);
	free(text);
	return out;
}

static void
test_cpus(void)
{
	is(comes_to("0=2", &vcpu0), "2@-", "a CPU");
	is(comes_to("0=2-4,7,9-13:2", &vcpu0), "2-4,7,9,11,13@-", "ranges and a stride");
	is(comes_to("0=0-7,^3,^5-6", &vcpu0), "0-2,4,7@-", "what is left out");
	is(comes_to("0=^1,0-1", &vcpu0), "0-1@-", "left out before it is in: in");
	is(comes_to("0=0xf0", &vcpu0), "4-7@-", "a mask");
	is(comes_to("0=0x1,00000000", &vcpu0), "32@-", "a mask as /proc has it");
	is(comes_to("0=node1", &vcpu0), "4-7@-", "those of a node");
	is(comes_to("0=node0,^1-2", &vcpu0), "0,3@-", "but for some");
	is(comes_to("0=isolated", &vcpu0), "6-7@-", "the isolated");
	is(comes_to("0=any", &vcpu0), "any@-", "any");
	is(comes_to("0=any,^0", &vcpu0), "1-7@-", "any but one: of those that are online");
	is(comes_to("0-3==7,2,5,1", &vcpu3), "1@-", "one each, in the order given");
	is(comes_to("vcpus==4-7", &vcpu3), "7@-", "one each of all vCPUs");
	is(comes_to("vcpus==0-7,^1,^2", &vcpu3), "5@-", "one each of what is left");
	is(comes_to("vcpus==1,0-3", &vcpu3), "3@-", "none of them twice");
	is(comes_to("1,3==6,2", &vcpu3), "2@-", "one each of those listed");
	is(comes_to("vcpus==4-6", &vcpu3), "none left@-", "one each, but not enough");
	is(comes_to("0=1@fifo:7", &vcpu0), "1@fifo:7", "with a class");
	is(comes_to("0=@other:-20", &vcpu0), "-@other:-20", "a class alone");
	is(comes_to("0=@batch:19 # 0=@rr", &vcpu0), "-@batch:19", "a comment");
	is(comes_to("\n\t0=@rr \r\n\n", &vcpu0), "-@rr:1", "blanks and empty lines");
}

static void
test_prevailing(void)
{
	static const char list[] = "0=1 vcpus=2@batch all=3@idle io=4";

	is(comes_to(list, &vcpu0), "1@batch", "a number before a kind, for what it says");
	is(comes_to(list, &vcpu3), "2@batch", "a kind before all");
	is(comes_to(list, &io), "4@idle", "each for itself");
	is(comes_to(list, &other), "3@idle", "all for what nothing else is for");
	is(comes_to("0=1 0=2 0-3=3 1=4", &vcpu0), "3@-", "of equals the later");
	is(comes_to("0=1", &io), "-@-", "none");
}

static void
test_faults(void)
{
	static const struct {
		const char *word, *why;
	} cases[] = {
	    {"0", "0: not of the form who=CPUs"},
	    {"=1", "=1: : neither vCPUs (0, 0-3), nor vcpus, io, main, all"},
	    {"0x1=1", "0x1=1: 0x1: neither vCPUs (0, 0-3), nor vcpus, io, main, all"},
	    {"0=", "0=: no CPUs"},
	    {"0=,1", "0=,1: : no CPUs (as 0-3,8, 0-7:2, any, node0, isolated, 0xff)"},
	    {"0=1,", "0=1,: : no CPUs (as 0-3,8, 0-7:2, any, node0, isolated, 0xff)"},
	    {"0=8192", "0=8192: 8192: no CPUs (as 0-3,8, 0-7:2, any, node0, isolated, 0xff)"},
	    {"0=0x", "0=0x: 0x: no CPUs (as 0-3,8, 0-7:2, any, node0, isolated, 0xff)"},
	    {"0=0x0", "0=0x0: 0x0: that is no CPU"},
	    {"0=1,^1", "0=1,^1: 1,^1: that is no CPU"},
	    {"0=node2", "0=node2: node2: there is none"},
	    {"0=nodex", "0=nodex: nodex: not a node"},
	    {"0==", "0==: : no CPUs (as 0-3,8, 0-7:2, any, node0, isolated, 0xff)"},
	    {"io==1", "io==1: one CPU each (==) is for vCPUs"},
	    {"all==1", "all==1: one CPU each (==) is for vCPUs"},
	    {"0==any", "0==any: one CPU each (==), and which?"},
	    {"0=1@", "0=1@: : no such class (other, batch, idle, fifo, rr)"},
	    {"0=1@fifo:100", "0=1@fifo:100: 100: not a priority from 1 to 99"},
	    {"0=1@other:-21", "0=1@other:-21: -21: not a nice value from -20 to 19"},
	    {"memory=", "memory=: : not a list of numbers, nor auto"},
	    {"cpuset=any", "cpuset=any: any: not a list of numbers, nor auto"},
	    {"within=", "within=: : no CPUs (as 0-3,8, 0-7:2, any, node0, isolated, 0xff)"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		is(comes_to(cases[i].word, &vcpu0), cases[i].why, cases[i].word);
}

int
main(void)
{
	root = tree_new();
	tree_put("sys/devices/system/cpu/online", "0-7");
	tree_put("sys/devices/system/cpu/isolated", "6-7");
	tree_put("sys/devices/system/node/node0/cpulist", "0-3");
	tree_put("sys/devices/system/node/node1/cpulist", "4-7");
	test_cpus();
	test_prevailing();
	test_faults();
	tree_free();
	return tap_done();
}

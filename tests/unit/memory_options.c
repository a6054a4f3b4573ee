/* links: kvm-run/memory_options.c kvm-run/subopt.c */
/* SPDX-License-Identifier: ISC */
/* The words of -m. */
#include "kvm-run/memory_options.h"
#include "tests/unit/tap.h"

#define MIB(n) ((uint64_t)(n) << 20)

static struct memory_options o;
static char text[128];

static bool
good(const char *words)
{
	const char *why = memory_options_parse(&o, words, text, sizeof(text));

	return ok(!why && o.given, "%s%s%s", words, why ? ": " : "", why ? why : "");
}

static void
bad(const char *words, const char *want)
{
	is(memory_options_parse(&o, words, text, sizeof(text)), want, words);
}

static void
test_sizes(void)
{
	good("64");
	ok(o.size == MIB(64) && o.nodes == 1 && !o.huge && o.thp == THP_ALWAYS && !o.max, "MiB, and nothing else");
	good("1048577K");
	ok(o.size == MIB(1024), "whole pages");
	good("1T");
	bad("2T", "not a size from 1M to 1048576M");
	bad("", "not a size from 1M to 1048576M");
	bad("1023K", "not a size from 1M to 1048576M");
	bad("64=1", "not a size from 1M to 1048576M");
	bad("share", "not a size from 1M to 1048576M");
}

static void
test_words(void)
{
	good("1G,share,lock,thp=never,max=4G");
	ok(o.share && o.lock && o.thp == THP_NEVER && o.max == MIB(4096) && !o.merge, "they mean it");
	good("1G,merge,thp=host");
	ok(o.merge && o.thp == THP_HOST, "merge");
	bad("64,shar", "shar: unknown");
	bad("64,", ": unknown");
	bad("64,share=1", "share: wants no value");
	bad("64,lock=on", "lock: wants no value");
	bad("64,merge=on", "merge: wants no value");
	bad("64,thp", "thp: wants always, host or never");
	bad("64,thp=alway", "thp: wants always, host or never");
	bad("64,max=64", "max: not above the size");
	bad("64,max=big", "max: wants a size");
	bad("65,max=128", "max: it and the size are not whole blocks of 2 MiB");
	bad("64,max=129", "max: it and the size are not whole blocks of 2 MiB");
	good("64,balloon=hard,max=66");
	ok(o.balloon == BALLOON_HARD && o.max == MIB(66), "a hard balloon");
	good("64,balloon=off");
	ok(o.balloon == BALLOON_OFF, "none");
	good("64,balloon=on");
	ok(o.balloon == BALLOON_ON, "the usual one");
	bad("64,balloon=soft", "balloon: wants on, hard or off");
	bad("64,balloon", "balloon: wants on, hard or off");
	bad("64,share,merge", "merge: only private memory is merged, not huge or shared");
}

static void
test_huge(void)
{
	good("64,huge");
	ok(o.huge == MIB(2), "2 MiB unless said");
	good("2G,huge=1G");
	ok(o.huge == MIB(1024), "or 1 GiB");
	bad("64,huge=4M", "huge: wants 2M or 1G");
	bad("65,huge", "huge: the size is not whole huge pages");
	bad("64,huge,max=65", "huge: the size is not whole huge pages");
	bad("64,huge=1G", "huge: the size is not whole huge pages");
	bad("64,merge,huge", "merge: only private memory is merged, not huge or shared");
}

static void
test_nodes(void)
{
	good("100,nodes=3");
	ok(o.nodes == 3 && o.node_size[0] == MIB(34) && o.node_size[1] == MIB(33) && o.node_size[2] == MIB(33), "even shares");
	good("66,nodes=2,huge");
	ok(o.node_size[0] == MIB(34) && o.node_size[1] == MIB(32), "of huge pages");
	good("3G,nodes=1G:2G,host=1:0,cpus=0-1:2-3");
	ok(o.nodes == 2 && o.node_size[0] == MIB(1024) && o.node_size[1] == MIB(2048), "sizes");
	ok(o.hosts == 2 && o.host[0] == 1 && o.host[1] == 0 && !strcmp(o.node_cpus, "0-1:2-3"), "of what nodes and processors");
	good("64,host=7");
	ok(o.hosts == 1 && o.host[0] == 7, "one node");
	bad("64,nodes=9", "nodes: wants a count up to 8, or sizes: 1G:2G");
	bad("64,nodes=0", "nodes: wants a count up to 8, or sizes: 1G:2G");
	bad("64,nodes", "nodes: wants a count up to 8, or sizes: 1G:2G");
	bad("64,nodes=8:8:8:8:8:8:8:4:4", "nodes: wants a count up to 8, or sizes: 1G:2G");
	bad("64,nodes=32:33", "nodes: together they are not the memory's size");
	bad("64,nodes=33:31,huge", "nodes: not whole huge pages each");
	bad("2,nodes=3", "nodes: more than the memory is enough for");
	bad("64,nodes=2,host=0", "host: one node of the host for each of the guest's");
	bad("64,host=0:1", "host: one node of the host for each of the guest's");
	bad("64,host=1024", "host: wants nodes of the host: 0:1");
	bad("64,host=0-1", "host: wants nodes of the host: 0:1");
	bad("64,host", "host: wants nodes of the host: 0:1");
}

int
main(void)
{
	test_sizes();
	test_words();
	test_huge();
	test_nodes();
	return tap_done();
}

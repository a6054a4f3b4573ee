/* SPDX-License-Identifier: ISC */
/* The commands that tests/unit/powercut_commands.c cuts, with what is promised of their images meanwhile. */
#ifndef TESTS_UNIT_POWERCUT_SCENARIOS_H
#define TESTS_UNIT_POWERCUT_SCENARIOS_H

#include <stdbool.h>
#include <stddef.h>

#define SECRET "--object secret,id=s,data=abc "
#define LUKS "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1"
#define OPTS "driver=qcow2,encrypt.key-secret=s,file.filename="
#define SAME(name) {.image = name}
#define LONG ".//////////////////////////////////////////////////" LONGER LONGER LONGER LONGER /* a name beyond the first sector */
#define LONGER "/////////////////////////////////////////////////////////////////////////////////////////////////"
#define WIDE "create -q -f qcow2 -o cluster_size=8k "
#define NEW "create -q -f qcow2 -o cluster_size=4k "

/* What an image's disk holds at every cut, sector by sector: what it held, or what it is to hold. */
struct promise {
	const char *image;
	const char *becomes; /* in the end what this one held before, or "kept", or "any"; NULL: what it held, the size apart */
	enum { MIXED, BLANK, WHOLE } how; /* BLANK: or zeroes; WHOLE: all of it is old, or all of it new */
	const char *way; /* or what this one held: it is on the way */
};

/* Lines are commands of vm-img and, before the last one, which is cut: fill FILE, spoil FILE, keep FILE. */
static const struct scenario {
	const char *name;
	const char *lines[10];
	struct promise promises[3];
	bool broken; /* it is about errors, so they are there until they are repaired */
} scenarios[] = {
	{"commit", {NEW "base 256k", "fill base", NEW "-b base -F qcow2 top 256k", "fill top", "commit -q -f qcow2 top"},
	    .promises = {SAME("top"), {"base", "top", MIXED, NULL}}},
	{"commit -d", {NEW "base 256k", "fill base", NEW "-b base -F qcow2 top 256k", "fill top", "commit -dq -f qcow2 top"},
	    .promises = {SAME("top"), {"base", "top", MIXED, NULL}}},
	{"commit to a shorter base", {NEW "base 100k", "fill base", NEW "-b base -F qcow2 top 256k", "fill top", "commit -q -f qcow2 top"},
	    .promises = {SAME("top"), {"base", "top", MIXED, NULL}}},
	{"commit -b", {NEW "base 256k", "fill base", NEW "-b base -F qcow2 mid 256k", "fill mid", NEW "-b mid -F qcow2 top 256k", "fill top",
	    "commit -q -f qcow2 -b base top"}, .promises = {SAME("top"), {"base", "top", MIXED, "mid"}}},
	{"commit into raw", {"create -q base 256k", "fill base", NEW "-b base -F raw top 256k", "fill top", "commit -q -f qcow2 top"},
	    .promises = {SAME("top"), {"base", "top", MIXED, NULL}}},
	{"commit with snapshots", {NEW "base 256k", "fill base", "snapshot -c one -f qcow2 base", NEW "-b base -F qcow2 top 256k", "fill top",
	    "snapshot -c two -f qcow2 top", "commit -q -f qcow2 top"}, .promises = {SAME("top"), {"base", "top", MIXED, NULL}}},
	{"rebase", {NEW "base 256k", "fill base", NEW "other 200k", "fill other", NEW "-b base -F qcow2 top 256k", "fill top",
	    "rebase -q -f qcow2 -b other -F qcow2 top"}, .promises = {SAME("top")}},
	{"rebase, to a long name", {NEW "base 256k", "fill base", NEW "other 200k", "fill other", NEW "-b base -F qcow2 top 256k", "fill top",
	    "rebase -q -f qcow2 -b " LONG "other -F qcow2 top"}, .promises = {SAME("top")}},
	{"rebase, from a long name", {NEW "base 256k", "fill base", NEW "other 200k", "fill other", NEW "-b " LONG "base -F qcow2 top 256k",
	    "fill top", "rebase -q -f qcow2 -b other -F qcow2 top"}, .promises = {SAME("top")}},
	{"rebase, from a long name to another", {NEW "base 256k", "fill base", NEW "other 200k", "fill other",
	    NEW "-b " LONG "base -F qcow2 top 256k", "fill top", "rebase -q -f qcow2 -b " LONG "other -F qcow2 top"},
	    .promises = {SAME("top")}},
	{"rebase to nothing", {NEW "base 256k", "fill base", NEW "-b base -F qcow2 top 256k", "fill top", "rebase -q -f qcow2 -b '' top"},
	    .promises = {SAME("top")}},
	{"rebase of qed", {NEW "base 256k", "fill base", NEW "other 200k", "fill other",
	    "create -q -f qed -o cluster_size=4k,table_size=2 -b base -F qcow2 top 256k", "fill top",
	    "rebase -q --follow -f qed -b other -F qcow2 top"}, .promises = {SAME("top")}},
	{"rebase -u", {NEW "base 256k", "fill base", NEW "other 256k", "fill other", NEW "-b base -F qcow2 top 256k", "fill top",
	    "rebase -qu -f qcow2 -b other -F qcow2 top"}, .promises = {{"top", "any", WHOLE, NULL}}},
	{"resize, longer", {NEW "top 256k", "fill top", "resize -q -f qcow2 top 40M"}, .promises = {SAME("top")}},
	{"resize, longer than before but not than its base", {NEW "base 512k", "fill base", NEW "-b base -F qcow2 top 100k", "fill top",
	    "resize -q -f qcow2 top 400k"}, .promises = {SAME("top")}},
	{"resize, metadata", {NEW "top 256k", "fill top", "resize -q --preallocation=metadata -f qcow2 top 500k"}, .promises = {SAME("top")}},
	{"resize, falloc", {NEW "top 256k", "fill top", "resize -q --preallocation=falloc -f qcow2 top 500k"}, .promises = {SAME("top")}},
	{"resize, full", {NEW "top 256k", "fill top", "resize -q --preallocation=full -f qcow2 top 500k"}, .promises = {SAME("top")}},
	{"resize, full, in a data file", {"create -q -f qcow2 -o data_file=data top 256k", "fill top",
	    "resize -q --preallocation=full -f qcow2 top 500k"}, .promises = {SAME("top")}},
	{"resize, shorter", {NEW "top 400k", "fill top", "resize -q --shrink -f qcow2 top 99k"}, .promises = {SAME("top")}},
	{"resize, shorter, small clusters", {"create -q -f qcow2 -o cluster_size=512 top 400k", "fill top", "resize -q --shrink -f qcow2 top 33k"},
	    .promises = {SAME("top")}},
	{"resize of raw", {"create -q top 256k", "fill top", "resize -q -f raw top 300k"}, .promises = {SAME("top")}},
	{"resize of qed", {"create -q -f qed -o cluster_size=4k,table_size=2 top 256k", "fill top", "resize -q -f qed top 300k"}, .promises = {SAME("top")}},
	{"convert -n", {NEW "src 200k", "fill src", NEW "top 200k", "fill top", "convert -n -f qcow2 -O qcow2 src top"},
	    .promises = {SAME("src"), {"top", "src", BLANK, NULL}}},
	{"convert -n over snapshots", {NEW "src 200k", "fill src", NEW "top 200k", "fill top", "snapshot -c one -f qcow2 top",
	    "convert -n -f qcow2 -O qcow2 src top"}, .promises = {{"top", "src", BLANK, NULL}}},
	{"convert -n over a bitmap", {NEW "src 200k", "fill src", NEW "top 200k", "fill top", "bitmap --add -f qcow2 top one",
	    "convert -n -f qcow2 -O qcow2 src top"}, .promises = {{"top", "src", BLANK, NULL}}},
	{"convert -n -c", {NEW "src 200k", "fill src", NEW "top 200k", "fill top", "convert -nc -f qcow2 -O qcow2 src top"},
	    .promises = {{"top", "src", BLANK, NULL}}},
	{"convert -n over compressed clusters", {NEW "src 200k", "fill src", NEW "old 200k", "fill old",
	    "convert -c -f qcow2 -O qcow2 -o cluster_size=4k old top", "convert -n -f qcow2 -O qcow2 src top"}, .promises = {{"top", "src", BLANK, NULL}}},
	{"convert -n, extended L2", {NEW "src 200k", "fill src", "create -q -f qcow2 -o cluster_size=16k,extended_l2=on top 200k", "fill top",
	    "convert -n -f qcow2 -O qcow2 src top"}, .promises = {{"top", "src", BLANK, NULL}}},
	{"convert -n, data file", {NEW "src 200k", "fill src", "create -q -f qcow2 -o data_file=data top 200k", "fill top",
	    "convert -n -f qcow2 -O qcow2 src top"}, .promises = {{"top", "src", BLANK, NULL}}},
	{"convert -n, encrypted", {NEW "src 200k", "fill src", "create -q -f qcow2 " SECRET "-o " LUKS " top 200k", "fill top",
	    "convert -n " SECRET "-f qcow2 --target-image-opts src " OPTS "top"}, .promises = {{"top", "src", BLANK, NULL}}},
	{"convert -n on a base", {NEW "src 200k", "fill src", NEW "base 200k", "fill base", NEW "-b base -F qcow2 top 200k", "fill top",
	    "convert -n -f qcow2 -O qcow2 src top"}, .promises = {SAME("base"), {"top", "src", BLANK, NULL}}},
	{"convert -n to vmdk", {NEW "src 200k", "fill src", "create -q -f vmdk top 200k", "fill top", "convert -n -f qcow2 -O vmdk src top"},
	    .promises = {{"top", "src", BLANK, NULL}}},
	{"convert -n to raw", {NEW "src 200k", "fill src", "create -q top 200k", "fill top", "convert -n -f qcow2 -O raw src top"},
	    .promises = {{"top", "src", BLANK, NULL}}},
	{"check -r all", {NEW "top 256k", "fill top", "snapshot -c one -f qcow2 top", "fill top", "spoil top", "check -q -r all -f qcow2 top"},
	    .promises = {SAME("top")}, .broken = true},
	{"check -r all, small clusters", {"create -q -f qcow2 -o cluster_size=512 top 256k", "fill top", "spoil top",
	    "check -q -r all -f qcow2 top"}, .promises = {SAME("top")}, .broken = true},
	{"check -r leaks", {NEW "top 256k", "fill top", "leak top", "check -q -r leaks -f qcow2 top"}, .promises = {SAME("top")}},
	{"check -r all of an image that is dirty", {NEW "-o lazy_refcounts=on top 256k", "fill top", "spoil top", "soil top",
	    "check -q -r all -f qcow2 top"}, .promises = {SAME("top")}, .broken = true},
	{"check -r all of an image on a base", {NEW "base 256k", "fill base", NEW "-b base -F qcow2 top 256k", "fill top", "spoil top",
	    "check -q -r all -f qcow2 top"}, .promises = {SAME("top")}, .broken = true},
	{"snapshot -c", {NEW "top 256k", "fill top", "snapshot -c one -f qcow2 top", "fill top", "snapshot -c two -f qcow2 top"}, .promises = {SAME("top")}},
	/* Version 2 has no dirty bit: the flags of what has one use may be wrong, which does no harm, until they are repaired. */
	{"snapshot -c, version 2", {NEW "-o compat=0.10 top 256k", "fill top", "snapshot -c one -f qcow2 top", "fill top",
	    "snapshot -c two -f qcow2 top"}, .promises = {SAME("top")}, .broken = true},
	{"snapshot -a, version 2", {NEW "-o compat=0.10 top 256k", "fill top", "keep top", "snapshot -c one -f qcow2 top", "fill top",
	    "snapshot -a one -f qcow2 top"}, .promises = {{"top", "kept", WHOLE, NULL}}, .broken = true},
	{"snapshot -d, version 2", {NEW "-o compat=0.10 top 256k", "fill top", "snapshot -c one -f qcow2 top", "fill top",
	    "snapshot -d one -f qcow2 top"}, .promises = {SAME("top")}, .broken = true},
	{"snapshot -a", {NEW "top 256k", "fill top", "keep top", "snapshot -c one -f qcow2 top", "fill top", "snapshot -a one -f qcow2 top"},
	    .promises = {{"top", "kept", WHOLE, NULL}}},
	{"snapshot -a, to another size", {NEW "top 256k", "fill top", "keep top", "snapshot -c one -f qcow2 top", "resize -q -f qcow2 top 300k",
	    "fill top", "snapshot -a one -f qcow2 top"}, .promises = {{"top", "kept", WHOLE, NULL}}},
	{"snapshot -d", {NEW "top 256k", "fill top", "snapshot -c one -f qcow2 top", "fill top", "snapshot -d one -f qcow2 top"}, .promises = {SAME("top")}},
	{"snapshot -c, encrypted", {"create -q -f qcow2 " SECRET "-o " LUKS " top 256k", "fill top", "snapshot -c one " SECRET "--image-opts " OPTS "top"},
	    .promises = {SAME("top")}},
	{"bitmap --add", {NEW "top 256k", "bitmap --add -f qcow2 top one", "fill top", "bitmap --add -f qcow2 top two"},
	    .promises = {SAME("top")}},
	/* In clusters of more than 4k a table of names takes the header beyond the first sector. */
	{"bitmap --add, on a base", {NEW "base 256k", "fill base", WIDE "-b base -F qcow2 top 256k", "fill top",
	    "bitmap --add -f qcow2 top one"}, .promises = {SAME("top")}},
	{"bitmap --remove, on a base", {NEW "base 256k", "fill base", WIDE "-b base -F qcow2 top 256k", "bitmap --add -f qcow2 top one",
	    "fill top", "bitmap --remove -f qcow2 top one"}, .promises = {SAME("top")}},
	{"rebase, wide", {NEW "base 256k", "fill base", NEW "other 200k", "fill other", WIDE "-b base -F qcow2 top 256k", "fill top",
	    "rebase -q -f qcow2 -b other -F qcow2 top"}, .promises = {SAME("top")}},
	{"rebase to nothing, wide", {NEW "base 256k", "fill base", WIDE "-b base -F qcow2 top 256k", "fill top",
	    "rebase -q -f qcow2 -b '' top"}, .promises = {SAME("top")}},
	{"bitmap --merge", {NEW "top 256k", "fill top", "bitmap --add -f qcow2 top one", "bitmap --add -f qcow2 top two",
	    "bitmap --merge one -f qcow2 top two"}, .promises = {SAME("top")}},
	{"amend, refcounts of 64 bits", {NEW "top 256k", "fill top", "amend -q -f qcow2 -o refcount_bits=64 top"}, .promises = {SAME("top")}},
	{"amend, to version 2", {NEW "top 256k", "fill top", "amend -q -f qcow2 -o compat=0.10 top"}, .promises = {SAME("top")}},
	{"amend, to version 3", {NEW "-o compat=0.10 top 256k", "fill top", "amend -q -f qcow2 -o compat=1.1 top"}, .promises = {SAME("top")}},
	{"amend, a key more", {"create -q -f qcow2 " SECRET "-o " LUKS " top 256k", "fill top", "amend -q " SECRET
	    "--object secret,id=n,data=def --image-opts -o encrypt.state=active,encrypt.new-secret=n,encrypt.iter-time=1 " OPTS "top"}, .promises = {SAME("top")}},
	{"compact", {NEW "top 400k", "fill top", "snapshot -c one -f qcow2 top", "fill top", "snapshot -d one -f qcow2 top",
	    "compact -q -f qcow2 top"}, .promises = {SAME("top")}},
};

#endif

/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c tests/past.c tests/powercut.c */
/* pkg: libdeflate libzstd zlib nettle */
/* Random lives of images of several shapes, cut at every point of them: see tests/powercut.h. `powercut SEED COUNT` runs others. */
#include <stdlib.h>

#include "common/image/formats.h"
#include "common/util.h"
#include "tests/powercut.h"
#include "tests/unit/tap.h"

static const struct {
	const struct format *format;
	const char *options;
	bool on_base;
} shapes[] = {
	{&format_raw, "", false},
	{&format_qcow2, "", false},
	{&format_qcow2, "cluster_size=512,refcount_bits=64", false},
	{&format_qcow2, "cluster_size=16k,extended_l2=on", false},
	{&format_qcow2, "cluster_size=4k,compat=v2", false},
	{&format_qcow2, "data_file=data", false},
	{&format_qcow2, "data_file=data,data_file_raw=on", false},
	{&format_qcow2, "cluster_size=4k,preallocation=metadata", false},
	{&format_qcow2, "cluster_size=4k", true},
	{&format_qcow2, "cluster_size=16k,extended_l2=on", true},
	{&format_qcow2, "cluster_size=4k,lazy_refcounts=on", false},
	{&format_qcow2, "cluster_size=4k,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1", true},
	{&format_vdi, "", false},
	{&format_vmdk, "", false},
	{&format_vmdk, "zeroed_grain=on", false},
	{&format_vmdk, "subformat=streamOptimized", false},
	{&format_vpc, "force_size=on", false},
	{&format_vpc, "force_size=on,subformat=fixed", false},
	{&format_vhdx, "block_size=1M", false},
	{&format_qed, "cluster_size=4K,table_size=2", false},
	{&format_qcow, "", false},
};

static void
live(size_t shape, uint64_t seed)
{
	struct cut c;

	cut_begin(&c, shapes[shape].format, shapes[shape].options, shapes[shape].on_base, seed);
	for (unsigned n = 0; n < 40; n++) {
		cut_change(&c);
		if (cut_rand(&c, 6) == 0)
			cut_flush(&c);
	}
	ok(cut_replay(&c, 2), "%s,%s%s: seed %llu: a cut leaves leaks at worst, nothing flushed is lost", shapes[shape].format->name,
	    shapes[shape].options, shapes[shape].on_base ? " on a base" : "", (unsigned long long)seed);
	if (c.failed)
		printf("# cut at change %zu of %zu: %s\n", c.cut_at, c.log.n, c.failed);
	printf("# %lu states of the file\n", c.states);
	cut_end(&c);
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	for (uint64_t seed = first; seed < first + count; seed++)
		for (size_t shape = 0; shape < ARRAY_LEN(shapes); shape++)
			live(shape, seed);
	return tap_done();
}

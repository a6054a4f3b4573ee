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
} shapes[] = {
	{&format_raw, ""},
	{&format_qcow2, ""},
	{&format_qcow2, "cluster_size=512,refcount_bits=64"},
	{&format_qcow2, "cluster_size=16k,extended_l2=on"},
	{&format_qcow2, "cluster_size=4k,compat=v2"},
	{&format_qcow2, "data_file=data"},
	{&format_qcow2, "data_file=data,data_file_raw=on"},
	{&format_qcow2, "cluster_size=4k,preallocation=metadata"},
	{&format_vdi, ""},
	{&format_vmdk, ""},
	{&format_vmdk, "zeroed_grain=on"},
	{&format_vmdk, "subformat=streamOptimized"},
	{&format_vpc, "force_size=on"},
	{&format_vpc, "force_size=on,subformat=fixed"},
	{&format_vhdx, "block_size=1M"},
	{&format_qed, "cluster_size=4K,table_size=2"},
	{&format_qcow, ""},
};

static void
live(size_t shape, uint64_t seed)
{
	struct cut c;

	cut_begin(&c, shapes[shape].format, shapes[shape].options, seed);
	for (unsigned n = 0; n < 40; n++) {
		cut_change(&c);
		if (cut_rand(&c, 6) == 0)
			cut_flush(&c);
	}
	ok(cut_replay(&c, 2), "%s,%s: seed %llu: a cut leaves leaks at worst, nothing flushed is lost", shapes[shape].format->name,
	    shapes[shape].options, (unsigned long long)seed);
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

/* SPDX-License-Identifier: ISC */
/* Statistics of a disk, whatever it hangs on; the contract is in stats.h. */
#include "common/disk.h"
#include "common/util.h"
#include "kvm-run/stats.h"

void
stats_disk(struct stats_sink *s, const struct disk *d)
{
	static const struct {
		enum disk_op op;
		const char *requests, *bytes;
	} ops[] = {
	    {DISK_READ, "reads", "read-bytes"}, {DISK_WRITE, "writes", "written-bytes"}, {DISK_FLUSH, "flushes", NULL},
	    {DISK_DISCARD, "discards", "discarded-bytes"}, {DISK_ZERO, "zeroings", "zeroed-bytes"},
	};

	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		const struct disk_count *c = &d->counts[ops[i].op];

		s->number(s, ops[i].requests, stats_read(&c->requests));
		if (ops[i].bytes)
			s->number(s, ops[i].bytes, stats_read(&c->bytes));
	}
}

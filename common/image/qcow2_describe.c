/* SPDX-License-Identifier: ISC */
/* What `info` tells about a qcow2 image, under qemu-img's names and in its order. */
#include <stdlib.h>
#include <string.h>

#include "common/image/crypt.h"
#include "common/image/qcow2_bitmap.h"

static void
describe_data_file(struct qcow2 *q, struct describe *d)
{
	const struct qcow2_ext *e = qcow2_ext_find(q, QCOW2_EXT_DATA_FILE);
	char *name = e ? strndup((const char *)e->data, e->len) : NULL;

	if (name)
		d->string(d, "data-file", name);
	free(name);
	d->boolean(d, "data-file-raw", q->autoclear & QCOW2_DATA_FILE_RAW);
}

void
qcow2_describe(struct image *i, struct describe *d)
{
	struct qcow2 *q = qcow2_of(i);

	d->string(d, "compat", q->version == 2 ? "0.10" : "1.1");
	d->string(d, "compression-type", q->compression == QCOW2_ZSTD ? "zstd" : "zlib");
	if (q->version >= 3)
		d->boolean(d, "lazy-refcounts", q->compatible & QCOW2_LAZY_REFCOUNTS);
	bitmaps_describe(q, d);
	d->number(d, "refcount-bits", 1LL << q->refcount_order);
	if (q->crypt)
		crypt_describe(q->crypt, d);
	if (q->incompatible & QCOW2_DATA_FILE)
		describe_data_file(q, d);
	if (q->version >= 3) {
		d->boolean(d, "corrupt", q->incompatible & QCOW2_CORRUPT);
		d->boolean(d, "extended-l2", q->incompatible & QCOW2_EXTENDED_L2);
	}
}

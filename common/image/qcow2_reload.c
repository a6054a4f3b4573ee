/* SPDX-License-Identifier: ISC */
/* What was changed in the file past the image's caches: the header switched over to it, and all read again. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_refs.h"

#define FROM QCOW2_AT_SIZE

uint64_t
qcow2_file_clusters(const struct qcow2 *q)
{
	return qcow2_clusters(q, q->image.file->size);
}

int
qcow2_switch_header(struct qcow2 *q)
{
	uint8_t h[QCOW2_V3_HEADER];
	int err = file_read(q->image.file, h, sizeof(h), 0);

	if (err)
		return err;
	q->autoclear &= QCOW2_AUTOCLEAR_KNOWN;
	qcow2_put_state(q, h);
	/* All of it lies in one sector, which is written or not. */
	return qcow2_put_header(q, h + FROM, (q->version < 3 ? QCOW2_V2_HEADER : QCOW2_V3_HEADER) - FROM, FROM);
}

static void
empty(struct qcow2_cache *c)
{
	qcow2_cache_free(c);
	*c = (struct qcow2_cache){.max = c->max};
}

int
qcow2_reload(struct qcow2 *q)
{
	struct why w;

	empty(&q->l2);
	empty(&q->refblocks);
	qcow2_guard_free(q);
	qcow2_free_snapshots(q);
	free(q->l1);
	free(q->reftable);
	q->l1 = q->reftable = NULL;
	q->free_from = q->packed_at = 0;
	q->changing = false; /* what else the first change prepares for is done again */
	qcow2_derive(q);
	return qcow2_load_snapshots(q, &w) || qcow2_load_l1(q, &w) ? image_fault(&q->image, "%s", w.text) : 0;
}

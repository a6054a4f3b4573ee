/* SPDX-License-Identifier: ISC */
/* QED, QEMU's enhanced disk format: the layout, as qed_spec.txt of QEMU tells. Numbers are little-endian. */
#ifndef COMMON_IMAGE_QED_H
#define COMMON_IMAGE_QED_H

#include "common/image/levels.h"

#define QED_MAGIC 0x00444551 /* "QED\0" */
#define BACKING_NAME_MAX 1023 /* bytes */
#define QED_ZERO 1	     /* an L2 entry: a cluster of zeroes */

enum {
	QED_CLUSTER = 4,
	QED_TABLE = 8,	      /* of each table, clusters */
	QED_HEADER = 12,      /* of the header, clusters */
	QED_FEATURES = 16,
	QED_COMPATIBLE = 24,
	QED_AUTOCLEAR = 32,
	QED_L1 = 40,
	QED_SIZE = 48,
	QED_BACKING_AT = 56,
	QED_BACKING_LEN = 60,
	QED_HEADER_LEN = 64,
};

/* Of QED_FEATURES. */
#define QED_HAS_BACKING 1
#define QED_NEED_CHECK 2
#define QED_BACKING_RAW 4 /* else its format is to be probed */

struct qed {
	struct levels levels;
	uint8_t header[QED_HEADER_LEN];
};

static inline struct qed *
qed_of(struct image *i)
{
	return (struct qed *)i;
}

/* The header, as changed in memory, is on disk. */
int qed_write_header(struct qed *q);

const char *qed_create(const struct image_create *c, struct why *w);
const char *qed_resize(struct image *i, uint64_t size, const char *preallocation, struct why *w);
const char *qed_set_backing(struct image *i, const char *name, const char *format, struct why *w);
const char *qed_check(struct image *i, unsigned fix, struct image_check *c, struct why *w);

/* NULL, or what is wrong with these sizes. */
const char *qed_look_at_sizes(uint64_t cluster, uint64_t table, uint64_t size, struct why *w);

extern const struct image_option qed_options[];

#endif

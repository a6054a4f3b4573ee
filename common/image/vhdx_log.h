/* SPDX-License-Identifier: ISC */
/*
 * The log of a VHDX image (MS-VHDX, 2.3): a ring of entries, each of which says what sectors of the file are to be. Ours is
 * empty but for the moments in which a table is written, so that who cannot replay one can read the image afterwards. What the
 * image does with it is in vhdx.h.
 */
#ifndef COMMON_IMAGE_VHDX_LOG_H
#define COMMON_IMAGE_VHDX_LOG_H

#include "common/image/vhdx.h"

/* 2.3.1.1 Log Entry Header, followed by descriptors; from the next sector on the data of those that have some. */
enum {
	ENTRY_SUM = 4,
	ENTRY_LEN = 8,
	ENTRY_TAIL = 12, /* the oldest entry that had not been carried out */
	ENTRY_SEQUENCE = 16,
	ENTRY_COUNT = 24,
	ENTRY_GUID = 32,
	ENTRY_FLUSHED = 48, /* the file has at least this size */
	ENTRY_LAST = 56,    /* and is to have this one */
	ENTRY_HEAD = 64,
};
/* 2.3.1.2 and 2.3.1.3: "zero" and "desc" */
enum {
	DESC_TRAILING = 4, /* the last 4 bytes of the sector */
	DESC_LEADING = 8,  /* the first 8; or the length in zeroes */
	DESC_AT = 16,
	DESC_SEQUENCE = 24,
	DESC_LEN = 32,
};
/* 2.3.1.4: "data", and the sequence number around the bytes between */
enum {
	DATA_SEQUENCE_HIGH = 4,
	DATA_BYTES = 8,
	DATA_SEQUENCE_LOW = 4092,
};

/* The log is empty, say both headers from now on. 0 or -errno. */
int vhdx_log_empty(struct vhdx *v, struct file *f);

#endif

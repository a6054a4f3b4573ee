/* SPDX-License-Identifier: ISC */
/* What the files of the block device share: requests in virtio_blk.c, set-up in virtio_blk_new.c. */
#ifndef KVM_RUN_VIRTIO_BLK_DEV_H
#define KVM_RUN_VIRTIO_BLK_DEV_H

#include <linux/virtio_blk.h>
#include <stdatomic.h>

#include "common/disk.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_blk.h"

#define BLK_QUEUES_MAX 4
#define BLK_QUEUE_SIZE 128
#define BLK_INFLIGHT 128		  /* requests at the disk, of all queues */
#define BLK_RANGE_SECTORS (1U << 21) /* most that one discard or write-zeroes asks for: 1 GiB */

struct blk_req {
	struct disk_req io; /* first */
	struct blk *blk;
	struct blk_req *next; /* free ones */
	uint8_t *status;
	uint32_t in_len; /* what the device has written when all went well, status included */
	uint16_t head, queue;
	struct iovec iov[BLK_QUEUE_SIZE];
};

struct blk {
	struct virtio_dev dev; /* first */
	struct iothread io;
	struct disk *disk;
	uint64_t capacity; /* bytes that the guest sees */
	char serial[VIRTIO_BLK_ID_BYTES];
	struct virtio_blk_config config;
	atomic_bool writeback; /* the driver flushes; else every write is stable when it is done */
	/* the rest is the I/O thread's */
	struct blk_req *free; /* used before, the last first: an idle disk touches few pages of reqs */
	struct blk_req *reqs; /* BLK_INFLIGHT */
	unsigned fresh;	      /* of reqs, how many were ever used */
	unsigned fire;	      /* bit a queue: to be interrupted */
	unsigned starved;     /* bit a queue: chains were left in it */
	uint64_t warned;      /* bit an errno, modulo 64 */
};

bool blk_start(struct virtio_dev *d);
void blk_stop(struct virtio_dev *d);
void blk_kick(struct virtio_dev *d, unsigned q);
void blk_reaped(struct disk *disk);

#endif

/* SPDX-License-Identifier: ISC */
/* What the files of the block device share: requests in virtio_blk.c, set-up in virtio_blk_new.c. */
#ifndef KVM_RUN_VIRTIO_BLK_DEV_H
#define KVM_RUN_VIRTIO_BLK_DEV_H

#include <stdatomic.h>

#include "common/disk.h"
#include "common/util.h"
#include "kvm-run/blk_wire.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_blk.h"

#define BLK_QUEUES_MAX 4
#define BLK_QUEUE_SIZE 128
#define BLK_INFLIGHT 128		  /* requests at the disk, of all queues */
#define BLK_ID_LEN BLK_SERIAL_MAX
#define BLK_RANGE_SECTORS (1U << 21) /* most that one discard or write-zeroes asks for: 1 GiB */

/* virtio 1.2, 5.2.3 */
#define BLK_F_SEG_MAX (1ULL << 2)
#define BLK_F_RO (1ULL << 5)
#define BLK_F_BLK_SIZE (1ULL << 6)
#define BLK_F_FLUSH (1ULL << 9)
#define BLK_F_TOPOLOGY (1ULL << 10)
#define BLK_F_CONFIG_WCE (1ULL << 11)
#define BLK_F_MQ (1ULL << 12)
#define BLK_F_DISCARD (1ULL << 13)
#define BLK_F_WRITE_ZEROES (1ULL << 14)

/* virtio 1.2, 5.2.4; little endian, as the host */
struct blk_config {
	uint64_t capacity; /* sectors of 512 bytes, as everywhere here */
	uint32_t size_max, seg_max;
	uint8_t geometry[4];
	uint32_t blk_size;
	uint8_t physical_block_exp, alignment_offset;
	uint16_t min_io_size;
	uint32_t opt_io_size;
	uint8_t writeback, unused;
	uint16_t num_queues;
	uint32_t max_discard_sectors, max_discard_seg, discard_sector_alignment;
	uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap, unused1[3];
};
_Static_assert(offsetof(struct blk_config, write_zeroes_may_unmap) == 56, "virtio 1.2, 5.2.4");

struct blk_req {
	struct disk_req io;
	struct blk *blk;
	struct blk_req *next; /* free ones */
	uint8_t *status;
	uint32_t in_len; /* what the device has written when all went well, status included */
	uint16_t head, queue;
	struct iovec iov[BLK_QUEUE_SIZE];
};

struct blk {
	struct virtio_dev dev;
	struct iothread io;
	struct blk_wire wire;
	struct disk *disk; /* the wire's */
	uint64_t capacity; /* bytes that the guest sees */
	char serial[BLK_ID_LEN];
	struct blk_config config;
	bool cached;	       /* config.writeback after a reset */
	atomic_bool writeback; /* the driver flushes; else every write is stable when it is done */
	/* the rest is the I/O thread's */
	struct blk_req *free; /* used before, the last first: an idle disk touches few pages of reqs */
	struct blk_req *reqs; /* BLK_INFLIGHT */
	unsigned fresh;	      /* of reqs, how many were ever used */
	unsigned fire;	      /* bit a queue: to be interrupted */
	unsigned starved;     /* bit a queue: chains were left in it */
	uint64_t warned;      /* bit an errno, modulo 64 */
};

static inline struct blk *
blk_of(struct virtio_dev *d)
{
	return container_of(d, struct blk, dev);
}

/* Of struct virtio_ops; writeback is set before the start. */
bool blk_start(struct virtio_dev *d);
void blk_stop(struct virtio_dev *d);
void blk_kick(struct virtio_dev *d, unsigned q);
void blk_stats(struct virtio_dev *d, struct stats_sink *s);

/* disk->reaped */
void blk_reaped(struct disk *disk);

#endif

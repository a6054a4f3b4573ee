/* SPDX-License-Identifier: ISC */
/* From a blk wire to a block device: its disk, its features (virtio 1.2, 5.2.3), its configuration (5.2.4). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm-run/virtio_blk_dev.h"
#include "kvm-run/vm.h"

#define CONFIG_LEN 60 /* what follows is of secure erase and zones */

/* virtio 1.2, 5.2.5.2: a driver that did not take the flush command gets stable writes; one that may say, says. */
static bool
driver_writeback(struct blk *b)
{
	uint64_t f = b->dev.features;

	if (f & BLK_F_CONFIG_WCE)
		return b->config.writeback;
	return f & BLK_F_FLUSH && b->config.writeback;
}

static bool
start(struct virtio_dev *d)
{
	struct blk *b = blk_of(d);

	b->writeback = driver_writeback(b);
	return blk_start(d);
}

static void
stop(struct virtio_dev *d)
{
	struct blk *b = blk_of(d);

	blk_stop(d);
	pthread_mutex_lock(&d->lock);
	b->config.writeback = b->cached;
	memcpy(d->config, &b->config, CONFIG_LEN);
	pthread_mutex_unlock(&d->lock);
}

/* Only the cache mode is the driver's to write. */
static void
config_written(struct virtio_dev *d, unsigned off, unsigned len)
{
	struct blk *b = blk_of(d);
	unsigned at = offsetof(struct blk_config, writeback);

	if (off <= at && at < off + len && d->features & BLK_F_CONFIG_WCE)
		b->config.writeback = d->config[at] & 1;
	memcpy(d->config, &b->config, CONFIG_LEN);
	b->writeback = driver_writeback(b);
}

static void
destroy(struct virtio_dev *d)
{
	struct blk *b = blk_of(d);

	iothread_stop(&b->io);
	blk_wire_close(&b->wire);
	free(b->reqs);
	free(b);
}

static const struct virtio_ops blk_ops = {
	.device_id = VIRTIO_ID_BLOCK,
	.class_code = 0x010000,
	.start = start,
	.stop = stop,
	.kick = blk_kick,
	.config_written = config_written,
	.stats = blk_stats,
	.destroy = destroy,
};

static void
set_config(struct blk *b)
{
	const struct disk *d = b->disk;
	uint8_t exp = 0;

	while (exp < 16 && d->block_size << exp < d->physical_block)
		exp++;
	b->capacity = d->size - d->size % d->block_size;
	b->config = (struct blk_config){
		.capacity = b->capacity >> 9,
		.seg_max = BLK_QUEUE_SIZE - 2, /* header and status take the others */
		.blk_size = d->block_size,
		.physical_block_exp = exp,
		.writeback = b->cached,
		.num_queues = (uint16_t)b->dev.nqueues,
		.max_discard_sectors = BLK_RANGE_SECTORS,
		.max_discard_seg = 1,
		.discard_sector_alignment = d->physical_block >> 9,
		.max_write_zeroes_sectors = BLK_RANGE_SECTORS,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = 1,
	};
	memcpy(b->dev.config, &b->config, CONFIG_LEN);
	b->dev.config_len = CONFIG_LEN;
	b->dev.offered = BLK_F_SEG_MAX | BLK_F_BLK_SIZE | BLK_F_TOPOLOGY |
	    BLK_F_FLUSH | BLK_F_CONFIG_WCE | BLK_F_MQ;
	b->dev.offered |= d->read_only ? BLK_F_RO :
					 BLK_F_DISCARD | BLK_F_WRITE_ZEROES;
}

static struct blk *
new_blk(struct vm *vm, const char *id, const struct blk_wire *wire)
{
	struct blk *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->reqs = calloc(BLK_INFLIGHT, sizeof(*b->reqs));
	if (!b->reqs) {
		free(b);
		return NULL;
	}
	b->wire = *wire;
	b->disk = wire->disk;
	b->disk->user = b;
	b->disk->reaped = blk_reaped;
	b->cached = wire->writeback;
	memcpy(b->serial, wire->serial, strnlen(wire->serial, sizeof(b->serial)));
	b->dev.ops = &blk_ops;
	b->dev.io = &b->io;
	snprintf(b->dev.id, sizeof(b->dev.id), "%s", id);
	b->dev.nqueues = vm->opt.cpus.max < BLK_QUEUES_MAX ? vm->opt.cpus.max : BLK_QUEUES_MAX;
	for (unsigned q = 0; q < b->dev.nqueues; q++)
		b->dev.queues[q].size_max = BLK_QUEUE_SIZE;
	return b;
}

/* Starts the thread and plugs the device in; NULL, or the reason, and the thread has ended. */
static const char *
bring_up(struct blk *b, struct vm *vm, bool hot, char *why, size_t size)
{
	const char *reason;
	int err = iothread_start(&b->io, b->dev.id);

	if (err)
		return strerror(-err);
	reason = blk_prepare(&b->io, b->disk, why, size);
	if (!reason) {
		set_config(b);
		err = virtio_plug(&b->dev, vm, hot);
		reason = err == -ENOSPC ? "no slots" : err ? strerror(-err) : NULL;
	}
	if (reason)
		iothread_stop(&b->io);
	return reason;
}

/* On failure the wire's disk is closed. */
static const char *
create(struct vm *vm, const char *id, struct blk_wire *wire, bool hot, struct virtio_dev **out, char *why, size_t size)
{
	struct blk *b = new_blk(vm, id, wire);
	const char *reason = b ? bring_up(b, vm, hot, why, size) : strerror(ENOMEM);

	if (!reason) {
		*out = &b->dev;
		return NULL;
	}
	blk_wire_close(wire);
	if (b)
		free(b->reqs);
	free(b);
	return reason;
}

const char *
blk_create_disk(struct vm *vm, const char *id, struct disk *d, const char *serial, bool writeback, bool hot,
    struct virtio_dev **out, char *why, size_t size)
{
	struct blk_wire wire = {.disk = d, .serial = serial, .writeback = writeback};

	return create(vm, id, &wire, hot, out, why, size);
}

const char *
blk_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size)
{
	struct blk_wire wire;
	const char *reason = blk_wire_open(&wire, vm, w, why, size);

	if (!reason)
		reason = create(vm, w->id, &wire, hot, out, why, size);
	if (!reason)
		blk_wire_take(&blk_of(*out)->wire, w);
	return reason;
}

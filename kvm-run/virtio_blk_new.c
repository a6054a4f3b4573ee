/* SPDX-License-Identifier: ISC */
/* From a blk wire to a block device: its disk, its features (virtio 1.2, 5.2.3), its configuration (5.2.4). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/disk_nbd.h"
#include "common/nbd.h"
#include "kvm-run/virtio_blk_dev.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

#define CONFIG_LEN 60 /* what follows is of secure erase and zones */

/* The words of cache=, QEMU's. */
static const struct cache {
	const char *name;
	unsigned flags;
	bool writeback;
} caches[] = {
	{"writeback", 0, true},
	{"writethrough", 0, false},
	{"none", DISK_DIRECT, true},
	{"directsync", DISK_DIRECT, false},
	{"unsafe", DISK_UNSAFE, true},
};

static const struct cache *
find_cache(const char *name)
{
	for (size_t i = 0; name && i < sizeof(caches) / sizeof(*caches); i++)
		if (!strcmp(name, caches[i].name))
			return &caches[i];
	return name ? NULL : &caches[0];
}

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
	disk_close(b->disk);
	if (b->fd >= 0)
		close(b->fd);
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
	.destroy = destroy,
};

static void
set_config(struct blk *b, bool writeback)
{
	const struct disk *d = b->disk;
	uint8_t exp = 0;

	while (exp < 16 && d->block_size << exp < d->physical_block)
		exp++;
	b->cached = writeback;
	b->capacity = d->size - d->size % d->block_size;
	b->config = (struct blk_config){
		.capacity = b->capacity >> 9,
		.seg_max = BLK_QUEUE_SIZE - 2, /* header and status take the others */
		.blk_size = d->block_size,
		.physical_block_exp = exp,
		.writeback = writeback,
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
new_blk(struct vm *vm, const char *id, struct disk *d, const char *serial, bool writeback)
{
	struct blk *b = calloc(1, sizeof(*b));
	size_t n = strnlen(serial, sizeof(b->serial));

	if (!b)
		return NULL;
	b->reqs = calloc(BLK_INFLIGHT, sizeof(*b->reqs));
	if (!b->reqs) {
		free(b);
		return NULL;
	}
	b->disk = d;
	b->fd = -1;
	d->user = b;
	d->reaped = blk_reaped;
	memcpy(b->serial, serial, n);
	b->dev.ops = &blk_ops;
	b->dev.io = &b->io;
	snprintf(b->dev.id, sizeof(b->dev.id), "%s", id);
	b->dev.nqueues = vm->opt.cpus < BLK_QUEUES_MAX ? vm->opt.cpus : BLK_QUEUES_MAX;
	for (unsigned q = 0; q < b->dev.nqueues; q++)
		b->dev.queues[q].size_max = BLK_QUEUE_SIZE;
	set_config(b, writeback);
	return b;
}

const char *
blk_create_disk(struct vm *vm, const char *id, struct disk *d, const char *serial, bool writeback, bool hot,
    struct virtio_dev **out, char *why, size_t size)
{
	struct blk *b = new_blk(vm, id, d, serial, writeback);
	int err = b ? iothread_start(&b->io, id) : -ENOMEM;

	if (!err) {
		err = virtio_plug(&b->dev, vm, hot);
		if (err)
			iothread_stop(&b->io);
	}
	if (!err) {
		*out = &b->dev;
		return NULL;
	}
	disk_close(d);
	if (b)
		free(b->reqs);
	free(b);
	snprintf(why, size, "%s", err == -ENOSPC ? "no slots" : strerror(-err));
	return why;
}

static bool
writes(int fd)
{
	return (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* Another wire of the same file, if either may write: locks do not tell two wires of one open file apart. */
static const struct wire *
same_file(const struct vm *vm, const struct wire *w)
{
	struct stat st, other;

	if (fstat(w->fds[0], &st) < 0)
		return NULL;
	for (size_t i = 0; i < vm->wires.n; i++) {
		const struct wire *o = &vm->wires.v[i];

		/* A wire that was unplugged names a descriptor that is another's by now. */
		if (o->nfds && o->kind == WIRE_BLK && strcmp(o->id, w->id) && fstat(o->fds[0], &other) == 0 &&
		    st.st_dev == other.st_dev && st.st_ino == other.st_ino && (writes(w->fds[0]) || writes(o->fds[0])))
			return o;
	}
	return NULL;
}

static const char *
open_nbd(struct disk **out, const struct wire *w, unsigned flags, char *text, size_t size)
{
	const char *export = wire_get(w, "export"), *reason;
	char name[NBD_NAME_MAX + 1] = "";
	struct why reasons;

	if (export && !nbd_name(export, name, sizeof(name)))
		return "export: no name";
	reason = disk_nbd_open(out, w->fds[0], w->id, name, flags, &reasons);
	if (reason)
		snprintf(text, size, "%s", reason);
	return reason ? text : NULL;
}

static const char *
open_disk(struct disk **out, const struct vm *vm, const struct wire *w, unsigned flags, char *why, size_t size)
{
	switch (wiring_as(&vm->wires, w)) {
	case AS_RAW:
		return disk_raw_open(out, w->fds[0], flags, why, size);
	case AS_NBD:
		return open_nbd(out, w, flags, why, size);
	default:
		return "only raw images and NBD so far";
	}
}

const char *
blk_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size)
{
	const struct cache *cache = find_cache(wire_get(w, "cache"));
	const char *serial = wire_get(w, "serial"), *reason;
	const struct wire *other = same_file(vm, w);
	struct disk *d;

	if (!cache)
		return "cache: none of writeback, writethrough, none, directsync, unsafe";
	if (serial && strlen(serial) > BLK_ID_LEN)
		return "serial: longer than 20 characters";
	if (other) {
		snprintf(why, size, "fd %d: the same file as %s", w->fds[0], other->id);
		return why;
	}
	reason = open_disk(&d, vm, w, cache->flags, why, size);
	if (reason)
		return reason;
	if (d->size % d->block_size)
		warn("%s: size is not a multiple of %u: the last bytes are not seen", w->id, d->block_size);
	reason = blk_create_disk(vm, w->id, d, serial ? serial : w->id, cache->writeback, hot, out, why, size);
	if (!reason)
		blk_of(*out)->fd = w->fds[0];
	return reason;
}

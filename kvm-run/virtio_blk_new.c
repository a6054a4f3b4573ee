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
#include "kvm-run/virtio_blk_image.h"
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
	blk_image_free(b->image);
	for (size_t i = 0; i < b->nfds; i++)
		close(b->fds[i]);
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
	d->user = b;
	d->reaped = blk_reaped;
	b->cached = writeback;
	memcpy(b->serial, serial, n);
	b->dev.ops = &blk_ops;
	b->dev.io = &b->io;
	snprintf(b->dev.id, sizeof(b->dev.id), "%s", id);
	b->dev.nqueues = vm->opt.cpus < BLK_QUEUES_MAX ? vm->opt.cpus : BLK_QUEUES_MAX;
	for (unsigned q = 0; q < b->dev.nqueues; q++)
		b->dev.queues[q].size_max = BLK_QUEUE_SIZE;
	return b;
}

struct preparing {
	struct blk *b;
	struct why why;
	const char *reason;
};

/* On the disk's thread, which is sealed. */
static void
prepare(void *arg)
{
	struct preparing *p = arg;

	p->reason = disk_prepare(p->b->disk, &p->why);
	if (!p->reason)
		set_config(p->b);
}

/* Starts the thread and plugs the device in; NULL, or the reason, and the thread has ended. */
static const char *
bring_up(struct blk *b, struct vm *vm, bool hot, char *why_, size_t size)
{
	struct preparing p = {.b = b};
	int err = iothread_start(&b->io, b->dev.id);

	if (err)
		return strerror(-err);
	iothread_call(&b->io, prepare, &p);
	err = p.reason ? 0 : virtio_plug(&b->dev, vm, hot);
	if (!p.reason && !err)
		return NULL;
	iothread_stop(&b->io);
	snprintf(why_, size, "%s", p.reason ? p.reason : err == -ENOSPC ? "no slots" : strerror(-err));
	return why_;
}

const char *
blk_create_disk(struct vm *vm, const char *id, struct disk *d, const char *serial, bool writeback, bool hot,
    struct virtio_dev **out, char *why, size_t size)
{
	struct blk *b = new_blk(vm, id, d, serial, writeback);
	const char *reason = b ? bring_up(b, vm, hot, why, size) : strerror(ENOMEM);

	if (!reason) {
		*out = &b->dev;
		return NULL;
	}
	disk_close(d);
	if (b)
		free(b->reqs);
	free(b);
	return reason;
}

static bool
same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Only what is first in the list is written, and a data file, which nobody else has. */
static bool
writes(const struct wire *w, size_t i)
{
	return !i && (fcntl(w->fds[0], F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* Another wire of the same file, if either may write: locks do not tell two wires of one open file apart. */
static const struct wire *
other_of(const struct vm *vm, const struct wire *w, size_t i)
{
	for (size_t n = 0; n < vm->wires.n; n++) {
		const struct wire *o = &vm->wires.v[n];

		/* A wire that was unplugged names descriptors that are others' by now. */
		if (!o->nfds || o->kind != WIRE_BLK || !strcmp(o->id, w->id))
			continue;
		for (size_t k = 0; k < o->nfds; k++)
			if ((writes(w, i) || writes(o, k)) && same_file(w->fds[i], o->fds[k]))
				return o;
	}
	return NULL;
}

static const char *
open_nbd(struct disk **out, const struct wire *w, unsigned flags, struct why *reasons)
{
	const char *export = wire_get(w, "export");
	char name[NBD_NAME_MAX + 1] = "";

	if (export && !nbd_name(export, name, sizeof(name)))
		return "export: no name";
	return disk_nbd_open(out, w->fds[0], w->id, name, flags, reasons);
}

/* The disk of the wire. NULL, or the reason, which may be in why. */
static const char *
open_disk(struct vm *vm, const struct wire *w, unsigned flags, struct disk **d, struct blk_image **image, char *why,
    size_t size)
{
	const char *reason;
	struct why reasons;

	*image = NULL;
	switch (wiring_as(&vm->wires, w)) {
	case AS_RAW:
		return disk_raw_open(d, w->fds[0], flags, why, size);
	case AS_NBD:
		reason = open_nbd(d, w, flags, &reasons);
		break;
	default:
		reason = blk_image_open(d, image, &vm->wires, w, flags, &reasons);
		break;
	}
	if (!reason)
		return NULL;
	snprintf(why, size, "%s", reason);
	blk_image_free(*image);
	return why;
}

const char *
blk_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size)
{
	const struct cache *cache = find_cache(wire_get(w, "cache"));
	const char *serial = wire_get(w, "serial"), *reason;
	struct blk_image *image;
	struct disk *d = NULL;

	if (!cache)
		return "cache: none of writeback, writethrough, none, directsync, unsafe";
	if (serial && strlen(serial) > BLK_ID_LEN)
		return "serial: longer than 20 characters";
	for (size_t i = 0; i < w->nfds; i++) {
		const struct wire *other = other_of(vm, w, i);

		if (other) {
			snprintf(why, size, "fd %d: the same file as %s", w->fds[i], other->id);
			return why;
		}
	}
	reason = open_disk(vm, w, cache->flags, &d, &image, why, size);
	if (reason)
		return reason;
	reason = blk_create_disk(vm, w->id, d, serial ? serial : w->id, cache->writeback, hot, out, why, size);
	if (reason) {
		blk_image_free(image);
		return reason;
	}
	if (d->size % d->block_size)
		warn("%s: size is not a multiple of %u: the last bytes are not seen", w->id, d->block_size);
	blk_of(*out)->image = image;
	blk_of(*out)->nfds = w->nfds;
	memcpy(blk_of(*out)->fds, w->fds, w->nfds * sizeof(*w->fds));
	return NULL;
}

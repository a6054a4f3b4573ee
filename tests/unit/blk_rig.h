/* SPDX-License-Identifier: ISC */
/*
 * A block device without a machine: rings in ordinary memory, a disk in memory that writes down what it is asked, and
 * stand-ins for the transport and the I/O thread. For the unit test and the fuzz target.
 */
#ifndef TESTS_UNIT_BLK_RIG_H
#define TESTS_UNIT_BLK_RIG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kvm-run/virtio_blk_dev.h"
#include "kvm-run/virtio_blk_image.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"
#include "tests/unit/disk_rig.h"
#include "tests/unit/thread_stub.h"
#include "tests/unit/virtio_stub.h"

#define RIG_RAM (1 << 20)
#define RIG_RING 0x1000	 /* descriptors, then avail, then used */
#define RIG_DATA 0x10000 /* where tests put their buffers */

/* Descriptor flags, virtio 1.2, 2.7.5 */
#define NEXT 1
#define WRITE 2
#define INDIRECT 4

struct rig_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

static uint8_t rig_ram[RIG_RAM] __attribute__((aligned(4096)));
static struct vm rig_vm;
static struct blk *rig_blk;
static struct virtio_queue *rig_queue;

/* Stand-ins. */
const char *
blk_image_open(struct disk **out, struct blk_image **image, const struct wires *ws, const struct wire *w, unsigned flags,
    struct why *why)
{
	(void)out, (void)image, (void)ws, (void)w, (void)flags, (void)why;
	return "no images here";
}

void
blk_image_free(struct blk_image *image)
{
	(void)image;
}

enum wire_as
wiring_as(const struct wires *ws, const struct wire *w)
{
	(void)ws;
	(void)w;
	return AS_RAW;
}

/* Starts the device anew with these features, on queue 0 of `size` descriptors. */
static void
rig_start(uint64_t features, uint16_t size)
{
	struct virtio_dev *d = &rig_blk->dev;

	if (d->running)
		d->ops->stop(d);
	memset(rig_ram, 0, sizeof(rig_ram));
	rig_log[0] = '\0';
	stub_broken = NULL;
	stub_interrupts = 0;
	d->features = features;
	rig_queue = &d->queues[0];
	rig_queue->enabled = true;
	rig_queue->vq = (struct virtq){
		.size = size,
		.desc_gpa = RIG_RING,
		.avail_gpa = RIG_RING + 16 * BLK_QUEUE_SIZE,
		.used_gpa = RIG_RING + 32 * BLK_QUEUE_SIZE,
	};
	if (!vq_start(&rig_queue->vq, &rig_vm.mem) || !d->ops->start(d))
		abort();
	d->running = true;
}

static void
rig_make(bool read_only, bool writeback, unsigned cpus)
{
	struct virtio_dev *d;
	char why[64];

	rig_vm.mem = (struct guest_mem){.base = rig_ram, .size = RIG_RAM, .low_size = RIG_RAM, .fd = -1};
	rig_vm.opt.cpus.max = cpus;
	rig_disk = (struct disk){
		.ops = &rig_ops, .size = RIG_DISK, .block_size = 512, .physical_block = 4096, .read_only = read_only};
	stub_doorbells = true;
	if (blk_create_disk(&rig_vm, "blk0", &rig_disk, "serial-0123456789abcdef", writeback, false, &d, why, sizeof(why)))
		abort();
	rig_blk = blk_of(d);
}

static inline void
rig_unmake(void)
{
	struct virtio_dev *d = &rig_blk->dev;

	if (d->running)
		d->ops->stop(d);
	d->running = false;
	for (unsigned i = 0; i < d->nqueues; i++)
		close(d->queues[i].kick_fd);
	d->ops->destroy(d);
}

#endif

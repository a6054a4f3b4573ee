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
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/disk.h"
#include "kvm-run/virtio_blk_dev.h"
#include "kvm-run/virtio_blk_image.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

#define RIG_RAM (1 << 20)
#define RIG_DISK (64 << 10)
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
static unsigned rig_interrupts;
static const char *rig_broken;

/* The disk: `hold` keeps requests until rig_release; `error` is what they end with. */
static uint8_t rig_bytes[RIG_DISK];
static char rig_log[8192];
static bool rig_hold;
static int rig_error;
static struct disk_req *rig_held;

static void
rig_copy(const struct disk_req *r)
{
	uint64_t off = r->off;

	for (unsigned i = 0; i < r->niov; i++) {
		const struct iovec *v = &r->iov[i];

		if (off > RIG_DISK || v->iov_len > RIG_DISK - off)
			abort(); /* the device must not let it pass */
		if (r->op == DISK_READ)
			memcpy(v->iov_base, rig_bytes + off, v->iov_len);
		else
			memcpy(rig_bytes + off, v->iov_base, v->iov_len);
		off += v->iov_len;
	}
	if (off != r->off + r->len)
		abort();
}

static void
rig_finish(struct disk_req *r)
{
	if (!rig_error && (r->op == DISK_READ || r->op == DISK_WRITE))
		rig_copy(r);
	if (!rig_error && r->op == DISK_ZERO)
		memset(rig_bytes + r->off, 0, r->len);
	r->done(r, rig_error);
}

static void
rig_submit(struct disk *d, struct disk_req *r)
{
	static const char *const names[] = {"read", "write", "flush", "discard", "zero"};
	size_t n = strlen(rig_log);

	if (r->off > d->size || r->len > d->size - r->off || (r->off | r->len) % d->block_size)
		abort();
	n += (size_t)snprintf(rig_log + n, sizeof(rig_log) - n, "%s%s", n ? " " : "", names[r->op]);
	if (r->len && n < sizeof(rig_log))
		n += (size_t)snprintf(rig_log + n, sizeof(rig_log) - n, "@%llu+%llu", (unsigned long long)r->off,
		    (unsigned long long)r->len);
	if (r->op <= DISK_WRITE && n < sizeof(rig_log))
		n += (size_t)snprintf(rig_log + n, sizeof(rig_log) - n, "/%u", r->niov);
	if (n < sizeof(rig_log))
		snprintf(rig_log + n, sizeof(rig_log) - n, "%s%s", r->flags & DISK_FUA ? "!" : "",
		    r->flags & DISK_UNMAP ? "?" : "");
	r->next = rig_held;
	rig_held = r;
}

/* Finishes all that is held, the last first: order is not promised. */
static void
rig_release(struct disk *d)
{
	(void)d;
	while (rig_held) {
		struct disk_req *r = rig_held;

		rig_held = r->next;
		rig_finish(r);
	}
}

static void
rig_commit(struct disk *d)
{
	if (!rig_hold)
		rig_release(d);
}

static int
rig_attach(struct disk *d, struct loop *l)
{
	(void)d;
	(void)l;
	return 0;
}

static void
rig_nothing(struct disk *d)
{
	(void)d;
}

static const struct disk_ops rig_ops = {
	.attach = rig_attach,
	.detach = rig_nothing,
	.submit = rig_submit,
	.commit = rig_commit,
	.drain = rig_release,
	.close = rig_nothing,
};
static struct disk rig_disk;

/* Stand-ins. */
int
iothread_start(struct iothread *t, const char *name)
{
	(void)t;
	(void)name;
	return 0;
}

void
iothread_stop(struct iothread *t)
{
	(void)t;
}

void
iothread_call(struct iothread *t, void (*fn)(void *arg), void *arg)
{
	(void)t;
	fn(arg);
}

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

int
virtio_plug(struct virtio_dev *d, struct vm *vm, bool hot)
{
	(void)hot;
	d->vm = vm;
	pthread_mutex_init(&d->lock, NULL);
	for (unsigned i = 0; i < d->nqueues; i++)
		d->queues[i].kick_fd = eventfd(0, EFD_NONBLOCK);
	return 0;
}

void
virtio_interrupt(struct virtio_dev *d, unsigned q)
{
	(void)d;
	(void)q;
	rig_interrupts++;
}

void
virtio_broken(struct virtio_dev *d, const char *why)
{
	(void)d;
	rig_broken = why;
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
	rig_broken = NULL;
	rig_interrupts = 0;
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
	rig_vm.opt.cpus = cpus;
	rig_disk = (struct disk){
		.ops = &rig_ops, .size = RIG_DISK, .block_size = 512, .physical_block = 4096, .read_only = read_only};
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

/* SPDX-License-Identifier: ISC */
/*
 * Memory and a virtio device on it, without a machine: chains go straight to the device. For the tests and the fuzz target of
 * the balloon and of virtio-mem. Linked with: kvm-run/mem.c kvm-run/mem_discard.c kvm-run/virtq.c
 */
#ifndef TESTS_UNIT_PLUG_RIG_H
#define TESTS_UNIT_PLUG_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "kvm-run/ctl.h"
#include "kvm-run/memslot.h"
#include "kvm-run/vfio.h"
#include "kvm-run/virtio.h"
#include "kvm-run/vm.h"
#include "tests/unit/thread_stub.h"
#include "tests/unit/virtio_stub.h"

#define RIG_RAM (8ULL << 20)
#define RIG_QUEUE 128
#define RIG_RINGS 0x10000ULL /* of each queue: descriptors, a page on avail, then used */
#define RIG_RING_STEP 0x4000ULL
#define RIG_DATA 0x100000ULL /* where tests put what they say */
#define RIG_SLOTS 1024

struct rig_piece {
	uint64_t gpa;
	uint32_t len;
	bool write;
};

static struct vm rig_vm;
static struct virtio_dev *rig_dev;
static unsigned rig_wakes;
static uint64_t rig_slots[RIG_SLOTS]; /* bytes that each of KVM's shows */
static unsigned rig_refuse;	      /* vm_map fails from so many slots on; 0: never */
static bool rig_refuse_dma;
static int64_t rig_shown; /* blocks that assigned devices see */
static uint32_t rig_written;	      /* by the last chain that came back */

void
ctl_wake(struct vm *vm)
{
	(void)vm;
	rig_wakes++;
}

bool
vfio_dma_blocks(struct vm *vm, uint64_t first, uint64_t n, bool in)
{
	if (in && !mem_plugged(&vm->mem, first, n, true))
		abort();
	rig_shown += in && !rig_refuse_dma ? (int64_t)n : in ? 0 : -(int64_t)n;
	return !rig_refuse_dma;
}

int
vm_map(struct vm *vm, unsigned slot, uint64_t gpa, uint64_t size, void *at, uint32_t flags)
{
	unsigned n = 0;

	(void)flags;
	if (slot >= RIG_SLOTS || (size && ((uint8_t *)at != vm->mem.base + vm->mem.size + (gpa - vm->mem.hot.start))))
		abort();
	for (unsigned i = 0; i < RIG_SLOTS; i++)
		n += rig_slots[i] > 0;
	if ((size && rig_refuse && n >= rig_refuse) || (!size && !rig_slots[slot]))
		return -1;
	rig_slots[slot] = size;
	return 0;
}

/* New memory of RIG_RAM and `hot` bytes; of a file in memory if shared. */
static inline void
rig_memory(uint64_t hot, bool shared)
{
	struct guest_mem *m = &rig_vm.mem;
	int fd = shared ? memfd_create("ram", MFD_CLOEXEC) : -1;

	if (m->base) {
		munmap(m->base, m->size + m->hot.size);
		free(m->hot.plugged);
		if (m->fd >= 0)
			close(m->fd);
	}
	if ((shared && (fd < 0 || ftruncate(fd, (off_t)(RIG_RAM + hot)) < 0)) || mem_init(m, RIG_RAM, hot, fd))
		abort();
	memset(rig_slots, 0, sizeof(rig_slots));
}

/* A driver comes, with all queues. */
static inline void
rig_start(uint64_t features)
{
	struct virtio_dev *d = rig_dev;

	if (d->running && d->ops->stop)
		d->ops->stop(d);
	stub_broken = NULL;
	stub_interrupts = stub_changes = rig_wakes = 0;
	d->features = features;
	memset(rig_vm.mem.base + RIG_RINGS, 0, d->nqueues * RIG_RING_STEP);
	for (unsigned i = 0; i < d->nqueues; i++) {
		uint64_t at = RIG_RINGS + i * RIG_RING_STEP;

		d->queues[i].enabled = true;
		d->queues[i].vq = (struct virtq){.size = RIG_QUEUE, .desc_gpa = at, .avail_gpa = at + 0x1000, .used_gpa = at + 0x2000};
		if (!vq_start(&d->queues[i].vq, &rig_vm.mem))
			abort();
	}
	d->running = !d->ops->start || d->ops->start(d);
}

static inline uint8_t *
rig_at(uint64_t gpa)
{
	return rig_vm.mem.base + gpa;
}

/* Offers a chain to the queue and kicks. True when it came back. */
static inline bool
rig_send(unsigned q, const struct rig_piece *pieces, unsigned n)
{
	uint8_t *desc = rig_at(RIG_RINGS + q * RIG_RING_STEP), *avail = desc + 0x1000, *used = desc + 0x2000;
	uint16_t index = get_le16(avail + 2), before = get_le16(used + 2);

	for (unsigned i = 0; i < n; i++) {
		put_le64(desc + 16 * i, pieces[i].gpa);
		put_le32(desc + 16 * i + 8, pieces[i].len);
		put_le16(desc + 16 * i + 12, (uint16_t)((i + 1 < n ? 1 : 0) | (pieces[i].write ? 2 : 0)));
		put_le16(desc + 16 * i + 14, (uint16_t)(i + 1));
	}
	put_le16(avail + 4 + 2 * (index % RIG_QUEUE), 0);
	put_le16(avail + 2, (uint16_t)(index + 1));
	rig_dev->ops->kick(rig_dev, q);
	if (get_le16(used + 2) == before)
		return false;
	rig_written = get_le32(used + 4 + 8 * (before % RIG_QUEUE) + 4);
	return true;
}

/* How many pages of the host's are there, in `len` bytes of the mapping. */
static inline unsigned
rig_resident(const void *at, uint64_t len)
{
	unsigned char there[4096];
	unsigned n = 0;

	if (len / 4096 > sizeof(there) || mincore((void *)(uintptr_t)at, len, there) < 0)
		abort();
	for (uint64_t i = 0; i < len / 4096; i++)
		n += there[i] & 1;
	return n;
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The region of virtio-mem; the contracts are in virtio_mem_region.h. The guest reaches it by slots of KVM, each of a piece of
 * the region, which is there while a block of it is plugged: so a guest gets at no memory beyond the largest size that it ever was
 * allowed, and what it reads where nothing is are ones.
 */
#include "common/bytes.h"
#include "kvm-run/memory_populate.h"
#include "kvm-run/memslot.h"
#include "kvm-run/vfio.h"
#include "kvm-run/virtio_mem_region.h"
#include "kvm-run/vm.h"

#define PIECE (128ULL << 20) /* as Linux adds memory */
#define PIECES_MAX 128	     /* slots are dear: each is looked through at every change */

static uint64_t
piece_size(const struct mem_hot *h)
{
	uint64_t size = max_u64(PIECE, h->block);

	while (h->size / size >= PIECES_MAX)
		size *= 2;
	return size;
}

static uint8_t *
host_address(const struct guest_mem *m, uint64_t off)
{
	return m->base + m->size + off;
}

/* Pieces with some of these blocks get their slots, or lose them, except where other blocks are plugged. */
static bool
update_slots(struct vm *vm, uint64_t first, uint64_t n, bool in)
{
	const struct mem_hot *h = &vm->mem.hot;
	uint64_t size = piece_size(h), blocks = size / h->block;

	for (uint64_t i = first / blocks; i <= (first + n - 1) / blocks; i++) {
		uint64_t len = min_u64(size, h->size - i * size);

		if (!mem_plugged(&vm->mem, i * blocks, len / h->block, false))
			continue;
		if (vm_map(vm, MEM_SLOT_HOT + (unsigned)i, h->start + i * size, in ? len : 0, host_address(&vm->mem, i * size), 0) < 0 && in)
			return false;
	}
	return true;
}

/* Memory that may be short, or that is to stay, is found now: later the guest would die of it. */
static bool
populate(const struct guest_mem *m, uint64_t off, uint64_t len)
{
	return !m->keep || memory_take(m, host_address(m, off), len) == 0;
}

static void
take_back(struct vm *vm, uint64_t first, uint64_t n)
{
	struct guest_mem *m = &vm->mem;

	mem_plug(m, first, n, false);
	update_slots(vm, first, n, false);
	mem_discard(m, host_address(m, first * m->hot.block), n * m->hot.block);
}

bool
region_plug(struct vm *vm, uint64_t first, uint64_t n)
{
	struct guest_mem *m = &vm->mem;
	uint64_t off = first * m->hot.block, len = n * m->hot.block;
	bool fine = populate(m, off, len) && update_slots(vm, first, n, true);

	mem_plug(m, first, n, fine);
	if (fine && vfio_dma_blocks(vm, first, n, true))
		return true;
	take_back(vm, first, n);
	return false;
}

/* Devices of ours that are at work there go on for a moment, in memory that is nobody's. */
void
region_unplug(struct vm *vm, uint64_t first, uint64_t n)
{
	vfio_dma_blocks(vm, first, n, false);
	take_back(vm, first, n);
}

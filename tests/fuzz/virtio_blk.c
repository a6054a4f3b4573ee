/* SPDX-License-Identifier: ISC */
/* links: kvm-run/virtio_blk.c kvm-run/stats_disk.c kvm-run/virtio_blk_new.c kvm-run/blk_wire.c kvm-run/virtq.c kvm-run/mem.c */
/* pkg: liburing */
/*
 * Any chains of any bytes, as a driver's requests to a block device. The rig's disk aborts when it is asked for bytes it
 * has not, or for other bytes than the buffers hold. The input: a byte of mode, then descriptors of 6 bytes (where in
 * the data, length, flags), ended by one without the bit 3 of its flags; the rest is the data.
 */
#include "common/diag.h"
#include "tests/unit/blk_rig.h"

#define DATA_MAX 8192
#define GOES_ON 8

/* Writes the descriptors into the table; the bytes they took of p. Chains begin where one has no NEXT before it. */
static size_t
put_chains(const uint8_t *p, size_t size, struct rig_desc *table, uint16_t *avail)
{
	size_t used = 0;
	bool first = true;

	for (uint16_t i = 0; i < BLK_QUEUE_SIZE && size - used >= 6; i++) {
		uint16_t off = (uint16_t)(p[used] | p[used + 1] << 8), len = (uint16_t)(p[used + 2] | p[used + 3] << 8);
		uint8_t flags = p[used + 4];

		used += 6;
		table[i] = (struct rig_desc){RIG_DATA + off, len, flags & (NEXT | WRITE | INDIRECT), (uint16_t)(i + 1)};
		if (first)
			avail[2 + avail[1]++] = i;
		first = !(flags & NEXT);
		if (!(flags & GOES_ON))
			break;
	}
	return used;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t size)
{
	static bool made;
	size_t used;

	if (!made) {
		diag_verbose = -1;
		rig_make(false, true, 4);
		made = true;
	}
	if (!size)
		return 0;
	rig_start(p[0] & 1 ? BLK_F_FLUSH | BLK_F_CONFIG_WCE : 0, BLK_QUEUE_SIZE);
	rig_hold = p[0] & 2;
	rig_error = p[0] & 4 ? EIO : 0;
	rig_disk.read_only = p[0] & 8;
	used = 1 + put_chains(p + 1, size - 1, rig_queue->vq.desc, rig_queue->vq.avail);
	size -= used;
	memcpy(rig_ram + RIG_DATA, p + used, size < DATA_MAX ? size : DATA_MAX);
	rig_blk->dev.ops->kick(&rig_blk->dev, 0);
	rig_release(&rig_disk);
	rig_disk.reaped(&rig_disk);
	/* Every chain was answered, or the device is broken. */
	if (!stub_broken && ((uint16_t *)rig_queue->vq.used)[1] != ((uint16_t *)rig_queue->vq.avail)[1])
		abort();
	return 0;
}

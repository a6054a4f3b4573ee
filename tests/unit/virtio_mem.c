/* links: kvm-run/virtio_mem.c kvm-run/virtio_mem_region.c kvm-run/mem.c kvm-run/mem_discard.c kvm-run/virtq.c kvm-run/virtio_lap.c kvm-run/memory_populate.c */
/* SPDX-License-Identifier: ISC */
/* virtio-mem, seen from its driver, kind or not; KVM's slots and the host's memory behind it. */
#include "common/util.h"
#include "kvm-run/virtio_mem.h"
#include "tests/unit/plug_rig.h"
#include "tests/unit/tap.h"

#define BLOCK (2ULL << 20)
#define HOT (1ULL << 30)
#define START 0x100000000ULL
#define REPLY (RIG_DATA + 0x1000)

enum { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum { ACK, NACK, BUSY, ERROR, NO_ANSWER };

static void
make(uint64_t hot)
{
	char why[64];

	rig_memory(hot, false);
	rig_vm.opt.memory.nodes = 3;
	if (virtio_mem_create(&rig_vm, &rig_dev, why, sizeof(why)))
		abort();
	rig_start(0);
}

static void
unmake(void)
{
	rig_dev->ops->destroy(rig_dev);
}

static unsigned
ask(uint16_t type, uint64_t addr, uint16_t blocks)
{
	struct rig_piece pieces[] = {{RIG_DATA, 24, false}, {REPLY, 10, true}};

	memset(rig_at(RIG_DATA), 0x55, 24); /* padding is nobody's */
	put_le16(rig_at(RIG_DATA), type);
	put_le64(rig_at(RIG_DATA + 8), addr);
	put_le16(rig_at(RIG_DATA + 16), blocks);
	memset(rig_at(REPLY), 0xff, 16);
	if (!rig_send(0, pieces, 2) || rig_written != 10 || *rig_at(REPLY + 10) != 0xff)
		return NO_ANSWER;
	return get_le16(rig_at(REPLY));
}

static unsigned
state(uint64_t addr, uint16_t blocks)
{
	return ask(STATE, addr, blocks) == ACK ? get_le16(rig_at(REPLY + 8)) : 99;
}

static uint64_t
config(unsigned off)
{
	return get_le64(rig_dev->config + off);
}

static bool
has(uint64_t plugged, unsigned slots)
{
	struct virtio_mem_state s;
	unsigned n = 0;

	virtio_mem_get(rig_dev, &s);
	for (unsigned i = 0; i < RIG_SLOTS; i++)
		n += rig_slots[i] > 0;
	if (s.plugged != plugged || n != slots)
		printf("# plugged %llu in %u slots\n", (unsigned long long)s.plugged, n);
	return s.plugged == plugged && n == slots;
}

static void
test_config(void)
{
	ok(config(0) == BLOCK && config(16) == START && config(24) == HOT && config(8) == 2, "blocks, the region, the last node");
	ok(config(32) == 256 << 20 && !config(40) && !config(48), "usable; nothing plugged, nothing requested");
	virtio_mem_set(rig_dev, 8 * BLOCK);
	ok(stub_changes == 1 && config(48) == 8 * BLOCK && config(32) == 8 * BLOCK + (256 << 20), "a request, and more is usable");
	virtio_mem_set(rig_dev, HOT);
	ok(config(32) == HOT, "as much as there is");
	virtio_mem_set(rig_dev, 8 * BLOCK);
	ok(config(32) == HOT && config(48) == 8 * BLOCK, "which does not shrink with the request");
}

static void
test_plug(void)
{
	uint8_t *host = rig_vm.mem.base + RIG_RAM;

	ok(!guest_ptr(&rig_vm.mem, START, 1), "no memory before");
	ok(ask(PLUG, START, 4) == ACK && has(4 * BLOCK, 1) && stub_changes == 3, "four blocks, without an event");
	ok(guest_ptr(&rig_vm.mem, START, 4 * BLOCK) == host && !guest_ptr(&rig_vm.mem, START + 4 * BLOCK - 1, 2), "they are memory; the next one is not");
	ok(!guest_ptr(&rig_vm.mem, START - 1, 2) && guest_ptr(&rig_vm.mem, START + 4 * BLOCK - 1, 1), "up to their ends");
	ok(ask(PLUG, START + 100 * BLOCK, 4) == ACK && has(8 * BLOCK, 2), "and four elsewhere");
	ok(ask(PLUG, START + 50 * BLOCK, 1) == NACK, "more than was requested");
	ok(state(START, 4) == 0 && state(START + 4 * BLOCK, 96) == 1 && state(START, 5) == 2, "plugged, unplugged, mixed");
	memset(host, 9, 4 * BLOCK);
	ok(ask(UNPLUG, START + BLOCK, 2) == ACK && has(6 * BLOCK, 2), "two out of the middle");
	ok(!rig_resident(host + BLOCK, 2 * BLOCK) && host[BLOCK - 1] == 9 && host[3 * BLOCK] == 9, "are the host's again, and no others");
	ok(!guest_ptr(&rig_vm.mem, START, 2 * BLOCK) && guest_ptr(&rig_vm.mem, START + 3 * BLOCK, BLOCK), "nor memory of the guest");
	ok(ask(UNPLUG, START, 1) == ACK && ask(UNPLUG, START + 3 * BLOCK, 1) == ACK && has(4 * BLOCK, 1), "the last ones take the slot with them");
	ok(ask(PLUG, START + 63 * BLOCK, 2) == ACK && has(6 * BLOCK, 2), "over the border of two slots, of which one is there");
}

static void
test_hostile(void)
{
	static const struct {
		uint64_t addr;
		uint16_t blocks;
		const char *what;
	} bad[] = {
	    {START, 0, "no blocks"},
	    {START + 1, 1, "within a block"},
	    {START + 4096, 1, "at a page"},
	    {START - BLOCK, 1, "below the region"},
	    {0, 1, "RAM"},
	    {START + HOT, 1, "above the region"},
	    {START + HOT - BLOCK, 2, "over its end"},
	    {START, 513, "more than there is"},
	    {START, UINT16_MAX, "all that can be said"},
	    {-BLOCK, UINT16_MAX, "around the end of addresses"},
	    {START + (1ULL << 63), 1, "far away"},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok(ask(PLUG, bad[i].addr, bad[i].blocks) == ERROR && ask(UNPLUG, bad[i].addr, bad[i].blocks) == ERROR &&
		    ask(STATE, bad[i].addr, bad[i].blocks) == ERROR, "%s", bad[i].what);
	ok(ask(PLUG, START + 63 * BLOCK, 1) == ERROR && ask(PLUG, START + 64 * BLOCK, 2) == ERROR, "plugged already, wholly or in part");
	ok(ask(UNPLUG, START + 62 * BLOCK, 1) == ERROR && ask(UNPLUG, START + 62 * BLOCK, 2) == ERROR, "not plugged, wholly or in part");
	ok(ask(4, START, 1) == ERROR && ask(0xffff, START, 1) == ERROR, "no such request");
	ok(has(6 * BLOCK, 2), "nothing of that changed anything");
	rig_refuse = 2;
	ok(ask(PLUG, START + 256 * BLOCK, 1) == BUSY && has(6 * BLOCK, 2) && state(START + 256 * BLOCK, 1) == 1, "KVM takes no more: busy, and nothing is plugged");
	rig_refuse = 3;
	ok(ask(PLUG, START + 255 * BLOCK, 2) == BUSY && has(6 * BLOCK, 2), "nor does a part of it stay");
	rig_refuse = 0;
	rig_refuse_dma = true;
	ok(ask(PLUG, START + 256 * BLOCK, 1) == BUSY && has(6 * BLOCK, 2) && state(START + 256 * BLOCK, 1) == 1, "nor does the IOMMU");
	rig_refuse_dma = false;
	ok(rig_shown == 6, "which knows of what is plugged");
}

static void
test_lengths(void)
{
	struct rig_piece no_reply = {RIG_DATA, 24, false}, small[] = {{RIG_DATA, 24, false}, {REPLY, 9, true}};
	struct rig_piece cut[] = {{RIG_DATA, 23, false}, {REPLY, 10, true}};
	struct rig_piece pieces[] = {{RIG_DATA, 10, false}, {RIG_DATA + 10, 14, false}, {REPLY, 1, true}, {REPLY + 1, 20, true}};

	ok(!rig_send(0, cut, 2) && stub_broken, "a request of 23 bytes");
	rig_start(0);
	ok(!rig_send(0, small, 2) && stub_broken, "room for 9 bytes of an answer");
	rig_start(0);
	ok(!rig_send(0, &no_reply, 1) && stub_broken, "none at all");
	rig_start(0);
	put_le16(rig_at(RIG_DATA), STATE);
	put_le64(rig_at(RIG_DATA + 8), START);
	put_le16(rig_at(RIG_DATA + 16), 1);
	ok(rig_send(0, pieces, 4) && rig_written == 10 && !get_le16(rig_at(REPLY)) && get_le16(rig_at(REPLY + 8)) == 1, "in pieces");
	ok(has(6 * BLOCK, 2), "what is plugged stays over all of these resets of the device");
}

static void
test_all(void)
{
	virtio_mem_set(rig_dev, 6 * BLOCK);
	ok(ask(UNPLUG_ALL, 1, 7) == ACK && has(0, 0) && config(32) == 6 * BLOCK + (256 << 20), "all out: the usable region shrinks");
	ok(ask(PLUG, START + 134 * BLOCK, 1) == ERROR && ask(PLUG, START + 133 * BLOCK, 1) == ACK, "to where it ends");
	virtio_mem_reset(rig_dev);
	ok(has(0, 0) && config(48) == 6 * BLOCK, "power-on: nothing is plugged, what was requested is");
}

static void
test_many_slots(void)
{
	make(100ULL << 30);
	virtio_mem_set(rig_dev, 100ULL << 30);
	for (uint64_t off = 0; off < 100ULL << 30; off += 128 << 20)
		if (ask(PLUG, START + off, 1) != ACK)
			break;
	ok(has(800 * BLOCK, 100), "a large region has larger pieces");
	ok(config(32) == 100ULL << 30, "all is usable");
	virtio_mem_set(rig_dev, 0);
	ask(UNPLUG_ALL, 0, 0);
	ok(config(32) == 4ULL << 30, "with room for large units of memory");
	unmake();
}

int
main(void)
{
	make(HOT);
	test_config();
	test_plug();
	test_hostile();
	test_lengths();
	test_all();
	unmake();
	test_many_slots();
	return tap_done();
}

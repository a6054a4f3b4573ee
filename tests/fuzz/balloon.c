/* SPDX-License-Identifier: ISC */
/* links: kvm-run/virtio_balloon.c kvm-run/virtio_mem.c kvm-run/virtio_mem_region.c kvm-run/mem.c kvm-run/mem_discard.c kvm-run/virtq.c kvm-run/virtio_lap.c kvm-run/memory_populate.c */
/*
 * Any chains on the queues of the balloon and of virtio-mem. The input is a program: where a chain's buffers lie and how long
 * they are, what is in them, what is asked from the other side. What virtio-mem says is plugged must be what is.
 */
#include "kvm-run/virtio_balloon.h"
#include "kvm-run/virtio_mem.h"
#include "tests/fuzz/input.h"
#include "tests/unit/plug_rig.h"

#define HOT (256ULL << 20)
#define BLOCK (2ULL << 20)
#define PIECES_MAX 6

/* Addresses near the borders of all that there is. */
static uint64_t
address(struct input *in)
{
	static const uint64_t near[] = {RIG_DATA, RIG_RAM, RIG_RINGS, 0, 0x100000000, 0x100000000 + HOT, RIG_DATA + 0x1000, UINT64_MAX};

	return near[input_byte(in) & 7] + (uint64_t)(int64_t)(int16_t)input_word(in) * (input_byte(in) & 1 ? 4096 : 1);
}

static void
chain(struct input *in)
{
	struct rig_piece pieces[PIECES_MAX];
	unsigned n = 1 + input_byte(in) % PIECES_MAX;

	for (unsigned i = 0; i < n; i++) {
		pieces[i].gpa = address(in);
		pieces[i].len = input_byte(in) & 1 ? input_word(in) : input_number(in, 4);
		pieces[i].write = input_byte(in) & 1;
	}
	rig_send(input_byte(in) % rig_dev->nqueues, pieces, n);
}

/* A request of virtio-mem, or page numbers, whichever it is taken for. */
static void
request(struct input *in)
{
	const struct rig_piece pieces[] = {{RIG_DATA, 24, false}, {RIG_DATA + 0x1000, 10, true}};

	put_le16(rig_at(RIG_DATA), input_byte(in) % 6);
	put_le64(rig_at(RIG_DATA + 8), 0x100000000 + (uint64_t)input_byte(in) * BLOCK + (input_byte(in) & 0x80 ? address(in) : 0));
	put_le16(rig_at(RIG_DATA + 16), input_byte(in) & 0x80 ? input_word(in) : input_byte(in) % 16);
	rig_send(input_byte(in) % rig_dev->nqueues, pieces, 2);
}

/* Every block that is plugged is in a slot, and there are as many as are told. */
static void
check(void)
{
	const struct guest_mem *m = &rig_vm.mem;
	struct virtio_mem_state s;
	uint64_t n = 0;

	virtio_mem_get(rig_dev, &s);
	for (uint64_t i = 0; i < HOT / BLOCK; i++) {
		bool in = mem_plugged(m, i, 1, true);

		n += in;
		if (in != !!guest_ptr(m, 0x100000000 + i * BLOCK, BLOCK) || (in && !rig_slots[MEM_SLOT_HOT + i / 64]))
			abort();
	}
	if (n * BLOCK != s.plugged)
		abort();
}

static void
step(struct input *in, bool balloon)
{
	struct balloon_state s;

	switch (input_byte(in) % 8) {
	case 0:
	case 1:
		chain(in);
		break;
	case 2:
	case 3:
		request(in);
		break;
	case 4:
		memset(rig_at(RIG_DATA), input_byte(in), 64);
		put_le32(rig_at(RIG_DATA + 4 * (input_byte(in) % 16)), input_number(in, 4));
		break;
	case 5:
		if (balloon)
			balloon_ask(rig_dev);
		else
			virtio_mem_set(rig_dev, input_byte(in) % (HOT / BLOCK + 1) * BLOCK);
		break;
	case 6:
		if (balloon)
			balloon_get(rig_dev, &s);
		else
			virtio_mem_reset(rig_dev);
		break;
	default:
		if (balloon)
			memset(&rig_dev->config[12], input_byte(in) & 1, 4);
		rig_start(input_byte(in));
	}
	if (!balloon)
		check();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	bool balloon = input_byte(&in) & 1;
	char why[64];

	if (!rig_vm.mem.base)
		rig_memory(HOT, false);
	mem_clear(&rig_vm.mem);
	if (balloon ? balloon_create(&rig_vm, &rig_dev, why, sizeof(why)) : virtio_mem_create(&rig_vm, &rig_dev, why, sizeof(why)))
		abort();
	rig_start(2 | input_byte(&in));
	while (in.left)
		step(&in, balloon);
	if (balloon)
		rig_dev->ops->stop(rig_dev);
	else
		virtio_mem_reset(rig_dev);
	rig_dev->ops->destroy(rig_dev);
	return 0;
}

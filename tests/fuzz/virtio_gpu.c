/* SPDX-License-Identifier: ISC */
/* links: kvm-run/virtio_gpu.c kvm-run/virtio_gpu_command.c kvm-run/virtio_gpu_resource.c kvm-run/virtio_gpu_show.c kvm-run/edid.c kvm-run/virtq.c kvm-run/mem.c */
/*
 * Any commands, of any numbers, on virtio-gpu's two queues, and a display that wants any size. The input is a program: a
 * command's kind, then its numbers, two bytes each. Whatever is shown lies within the picture (the rig sees to it), and no
 * byte is read or written beyond resources and guest memory (ASan).
 */
#include "tests/fuzz/input.h"
#include "tests/unit/gpu_rig.h"

#define ENTRIES_MAX 64

/* Small numbers mostly, else those at which sums go wrong. */
static uint32_t
number(struct input *in)
{
	static const uint32_t odd[] = {UINT32_MAX, 0x80000000, 0x7fffffff, 8192, 8193, 0xffff, 0x10000, 0x40000000};
	uint8_t low = input_byte(in), high = input_byte(in);

	return high & 0x80 ? odd[high & 7] - low : low | (uint32_t)high << 8;
}

static size_t
entries(struct input *in, struct virtio_gpu_mem_entry *e)
{
	size_t n = input_byte(in) % ENTRIES_MAX;

	for (size_t i = 0; i < n; i++)
		e[i] = (struct virtio_gpu_mem_entry){number(in), number(in), 0};
	return n * sizeof(*e);
}

static void
control(struct input *in, uint32_t type)
{
	struct virtio_gpu_mem_entry e[ENTRIES_MAX];
	union gpu_command c = {.hdr = {.type = type, .flags = input_byte(in) & 3, .fence_id = 7}};
	size_t len = input_byte(in), more = 0;
	union gpu_answer a;
	uint32_t field[8];

	for (unsigned i = 0; i < ARRAY_LEN(field); i++)
		field[i] = number(in);
	memcpy((char *)&c + sizeof(c.hdr), field, sizeof(field));
	if (type == VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING)
		more = entries(in, e);
	if (more)
		len = sizeof(c.attach);
	rig_command(&c, len < sizeof(c) / 2 ? len : sizeof(c), e, more, &a);
}

static void
cursor(struct input *in)
{
	struct virtio_gpu_update_cursor c = {.hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR + (input_byte(in) & 1)};

	c.pos = (struct virtio_gpu_cursor_pos){input_byte(in) & 1, number(in), number(in), 0};
	c.resource_id = input_byte(in);
	c.hot_x = number(in);
	c.hot_y = number(in);
	rig_cursor_command(&c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	rig_make();
	while (in.left) {
		uint8_t what = input_byte(&in);

		rig_log[0] = '\0';
		if (what % 16 < 12)
			control(&in, VIRTIO_GPU_CMD_GET_DISPLAY_INFO + what % 16);
		else if (what % 16 == 12)
			cursor(&in);
		else if (what % 16 == 13)
			rig_ops->resize(rig_gpu, 1 + number(&in) % FB_SIDE_MAX, 1 + number(&in) % FB_SIDE_MAX);
		else if (what % 16 == 14)
			rig_gpu->dev.ops->stop(&rig_gpu->dev);
		else
			memset(rig_vm.mem.base + input_byte(&in) * 64, input_byte(&in), 4096);
	}
	rig_destroy();
	return 0;
}

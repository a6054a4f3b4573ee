/* links: kvm-run/virtio_gpu.c kvm-run/virtio_gpu_command.c kvm-run/virtio_gpu_resource.c kvm-run/virtio_gpu_show.c kvm-run/edid.c kvm-run/virtq.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* virtio-gpu's commands: what a driver does, what each refuses, what the display is told. */
#include "tests/unit/gpu_rig.h"
#include "tests/unit/tap.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define BAD_ID VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID
#define BAD VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define NO_MEMORY VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY

static union gpu_answer a;

#define COMMAND(kind, ...) rig_command(&(struct kind){__VA_ARGS__}, sizeof(struct kind), NULL, 0, &a)

static uint32_t
create(uint32_t id, uint32_t format, uint32_t width, uint32_t height)
{
	return COMMAND(virtio_gpu_resource_create_2d, {.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D}, id, format, width, height);
}

static uint32_t
attach(uint32_t id, uint32_t said, const struct virtio_gpu_mem_entry *e, size_t n)
{
	struct virtio_gpu_resource_attach_backing c = {{.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING}, id, said};

	return rig_command(&c, sizeof(c), e, n * sizeof(*e), &a);
}

static uint32_t
detach(uint32_t id)
{
	return COMMAND(virtio_gpu_resource_detach_backing, {.type = VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING}, id, 0);
}

static uint32_t
unref(uint32_t id)
{
	return COMMAND(virtio_gpu_resource_unref, {.type = VIRTIO_GPU_CMD_RESOURCE_UNREF}, id, 0);
}

static uint32_t
transfer(uint32_t id, struct virtio_gpu_rect r, uint64_t offset)
{
	return COMMAND(virtio_gpu_transfer_to_host_2d, {.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D}, r, offset, id, 0);
}

static uint32_t
scanout(uint32_t scanout_id, uint32_t id, struct virtio_gpu_rect r)
{
	return COMMAND(virtio_gpu_set_scanout, {.type = VIRTIO_GPU_CMD_SET_SCANOUT}, r, scanout_id, id);
}

static uint32_t
flush(uint32_t id, struct virtio_gpu_rect r)
{
	return COMMAND(virtio_gpu_resource_flush, {.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH}, r, id, 0);
}

#define RECT(x, y, w, h) ((struct virtio_gpu_rect){x, y, w, h})

/* What the screen was told since the last call. */
static const char *
told(void)
{
	static char text[sizeof(rig_log)];

	strcpy(text, rig_log);
	rig_log[0] = '\0';
	return text;
}

static uint32_t
shown(uint32_t x, uint32_t y)
{
	uint32_t p;

	memcpy(&p, rig_gpu->memory.map + y * rig_mode.stride + 4UL * x, sizeof(p));
	return p;
}

/* Pixel n of the guest's memory is n, in all four bytes' worth. */
static void
fill_ram(void)
{
	for (uint32_t i = 0; i < RIG_RAM / 4; i++)
		memcpy(rig_vm.mem.base + 4UL * i, &(uint32_t){0xaa000000 | i}, 4);
}

static void
test_display(void)
{
	struct virtio_gpu_config c;

	ok(COMMAND(virtio_gpu_ctrl_hdr, .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO) == VIRTIO_GPU_RESP_OK_DISPLAY_INFO &&
	    a.display.pmodes[0].enabled == 1 && a.display.pmodes[0].r.width == 1280 && !a.display.pmodes[1].enabled, "one display");
	ok(COMMAND(virtio_gpu_cmd_get_edid, {.type = VIRTIO_GPU_CMD_GET_EDID}, 0, 0) == VIRTIO_GPU_RESP_OK_EDID &&
	    a.edid.size == 128 && a.edid.edid[54 + 2] == (1280 & 0xff), "its EDID");
	ok(COMMAND(virtio_gpu_cmd_get_edid, {.type = VIRTIO_GPU_CMD_GET_EDID}, 1, 0) == VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID,
	    "no other");
	rig_ops->resize(rig_gpu, 800, 600);
	rig_ops->resize(rig_gpu, 800, 600);
	memcpy(&c, rig_gpu->dev.config, sizeof(c));
	ok(stub_changes == 1 && c.events_read == VIRTIO_GPU_EVENT_DISPLAY && c.num_scanouts == 1, "another size is an event, once");
	COMMAND(virtio_gpu_ctrl_hdr, .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	ok(a.display.pmodes[0].r.width == 800 && a.display.pmodes[0].r.height == 600, "the driver learns of it");
	c.events_clear = VIRTIO_GPU_EVENT_DISPLAY;
	c.num_scanouts = 9;
	memcpy(rig_gpu->dev.config, &c, sizeof(c));
	rig_gpu->dev.ops->config_written(&rig_gpu->dev, 4, 4);
	memcpy(&c, rig_gpu->dev.config, sizeof(c));
	ok(!c.events_read && !c.events_clear && c.num_scanouts == 1, "and clears it; the rest is not its to change");
	rig_ops->resize(rig_gpu, 8192, 5);
	COMMAND(virtio_gpu_ctrl_hdr, .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO);
	ok(a.display.pmodes[0].r.width == 4095, "never wider than an EDID can say");
}

static void
test_resources(void)
{
	const struct virtio_gpu_mem_entry two[] = {{0x100, 0x80, 0}, {0x1000, 0x1000, 0}}, beyond[] = {{RIG_RAM - 8, 16, 0}};

	ok(create(0, 2, 4, 4) == BAD_ID, "no resource 0");
	ok(create(1, 5, 4, 4) == BAD && create(1, 2, 0, 4) == BAD && create(1, 2, 4, 8193) == BAD, "no odd formats and sizes");
	ok(create(1, 2, 16, 8) == OK && create(1, 2, 16, 8) == BAD_ID, "one, not twice");
	ok(create(2, 2, 8192, 8192) == NO_MEMORY, "a large one, where a small one is already");
	ok(attach(9, 1, two, 1) == BAD_ID && attach(1, 0, two, 2) == BAD && attach(1, 3, two, 2) == BAD, "page lists that are not there");
	ok(attach(1, 1, beyond, 1) == BAD && !rig_gpu->nentries, "memory that is none");
	ok(transfer(1, RECT(0, 0, 1, 1), 0) == BAD, "nothing to transfer from");
	ok(attach(1, 2, two, 2) == OK && attach(1, 2, two, 2) == BAD && rig_gpu->nentries == 2, "a page list, not two");
	ok(detach(9) == BAD_ID && detach(1) == OK && detach(1) == OK && !rig_gpu->nentries, "taken off");
	ok(unref(9) == BAD_ID && unref(1) == OK && unref(1) == BAD_ID && !rig_gpu->pixels, "gone");
	for (uint32_t id = 1; id <= GPU_RESOURCES_MAX; id++)
		if (create(id, 2, 1, 1) != OK)
			ok(false, "resource %u", id);
	ok(create(5000, 2, 1, 1) == NO_MEMORY, "so many, and no more");
	rig_gpu->dev.ops->stop(&rig_gpu->dev);
	ok(!rig_gpu->nresources && !rig_gpu->pixels, "a reset frees them all");
}

static void
test_picture(void)
{
	/* In pieces that end within a pixel's row. */
	const struct virtio_gpu_mem_entry pieces[] = {{0, 40, 0}, {0, 0, 0}, {40, 4, 0}, {44, 4096 - 44, 0}};

	fill_ram();
	told();
	create(1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 16, 8);
	attach(1, 4, pieces, 4);
	ok(transfer(1, RECT(0, 0, 16, 8), 0) == OK && scanout(0, 1, RECT(4, 2, 8, 4)) == OK, "a part of a resource");
	is(told(), "mode 8x4 damage 8x4+0+0", "is the picture");
	ok(shown(0, 0) == 2 * 16 + 4 && shown(7, 3) == 5 * 16 + 11, "each pixel where it belongs, and no alpha");
	ok(flush(1, RECT(0, 0, 16, 8)) == OK && flush(1, RECT(5, 3, 1, 2)) == OK && flush(1, RECT(0, 0, 16, 2)) == OK, "flushed:");
	is(told(), "damage 8x4+0+0 damage 1x2+1+1", "what is seen of it has changed");
	ok(transfer(1, RECT(4, 2, 2, 1), 4 * 100) == OK && shown(0, 0) == 36, "what is transferred is not shown");
	ok(flush(1, RECT(4, 2, 1, 1)) == OK && shown(0, 0) == 100 && shown(1, 0) == 37, "before it is flushed");
	ok(transfer(1, RECT(4, 2, 2, 2), 4 * 200) == OK && flush(1, RECT(4, 2, 4, 4)) == OK && shown(1, 0) == 201 && shown(0, 1) == 216 &&
	    shown(2, 1) == 54, "rows of the backing are as far apart as the resource's");
	ok(transfer(1, RECT(1, 0, 16, 8), 0) == BAD && transfer(1, RECT(0, 0, 0, 1), 0) == BAD &&
	    transfer(1, RECT(UINT32_MAX, 0, 2, 1), 0) == BAD && flush(1, RECT(0, 8, 1, 1)) == BAD, "what lies beyond the resource");
	ok(transfer(1, RECT(0, 0, 16, 8), 4096 - 512 + 4) == BAD && transfer(1, RECT(0, 0, 1, 1), UINT64_MAX - 3) == BAD &&
	    transfer(1, RECT(0, 0, 16, 8), 4096 - 512) == OK, "beyond its memory");
	ok(transfer(7, RECT(0, 0, 1, 1), 0) == BAD_ID && flush(7, RECT(0, 0, 1, 1)) == BAD_ID && scanout(0, 7, RECT(0, 0, 1, 1)) == BAD_ID,
	    "of no resource");
	ok(scanout(1, 1, RECT(0, 0, 1, 1)) == VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID && scanout(0, 1, RECT(0, 0, 17, 1)) == BAD,
	    "on no scanout, or too large");
	told();
	create(2, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 8, 4);
	scanout(0, 2, RECT(0, 0, 8, 4));
	is(told(), "", "a flip to another of the same size");
	ok(flush(2, RECT(0, 0, 8, 1)) == OK && !shown(0, 0) && shown(0, 1) && flush(1, RECT(0, 0, 1, 1)) == OK, "is seen when flushed");
	is(told(), "damage 8x1+0+0", "and only of the one that is shown");
	unref(2);
	is(told(), "mode 0x0", "when that goes nothing is shown");
	scanout(0, 1, RECT(0, 0, 16, 8));
	told();
	scanout(0, 0, RECT(0, 0, 0, 0));
	is(told(), "mode 0x0", "nor when it is turned off");
	create(3, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 4096, 4096);
	ok(scanout(0, 3, RECT(0, 0, 4096, 4096)) == BAD, "a picture that is larger than its memory");
	rig_gpu->dev.ops->stop(&rig_gpu->dev);
}

static void
test_formats(void)
{
	static const struct {
		uint32_t format;
		uint8_t bytes[4]; /* red 0x11, green 0x22, blue 0x33 */
	} formats[] = {
	    {VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, {0x33, 0x22, 0x11, 0xff}}, {VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, {0x33, 0x22, 0x11, 9}},
	    {VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, {0xff, 0x11, 0x22, 0x33}}, {VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, {9, 0x11, 0x22, 0x33}},
	    {VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, {0x11, 0x22, 0x33, 0xff}}, {VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, {0x11, 0x22, 0x33, 9}},
	    {VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, {0xff, 0x33, 0x22, 0x11}}, {VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, {9, 0x33, 0x22, 0x11}},
	};
	const struct virtio_gpu_mem_entry one = {0, 4, 0};

	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		memcpy(rig_vm.mem.base, formats[i].bytes, 4);
		create(1, formats[i].format, 1, 1);
		attach(1, 1, &one, 1);
		transfer(1, RECT(0, 0, 1, 1), 0);
		scanout(0, 1, RECT(0, 0, 1, 1));
		ok(shown(0, 0) == 0x112233, "format %u: %06x", formats[i].format, shown(0, 0));
		unref(1);
	}
}

static void
cursor(uint32_t type, uint32_t id, int32_t x, int32_t y, uint32_t hot_x, uint32_t hot_y)
{
	rig_cursor_command(&(struct virtio_gpu_update_cursor){{.type = type}, {0, (uint32_t)x, (uint32_t)y, 0}, id, hot_x, hot_y, 0});
}

static void
test_cursor(void)
{
	static const uint32_t pixels[4] = {0x80402010, 0xff030201, 0, 0x01000000};
	const struct virtio_gpu_mem_entry one = {0, sizeof(pixels), 0};

	told();
	memcpy(rig_vm.mem.base, pixels, sizeof(pixels));
	create(1, VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 2, 2);
	create(2, VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 65, 64);
	attach(1, 1, &one, 1);
	transfer(1, RECT(0, 0, 2, 2), 0);
	cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 10, 20, 1, 1);
	is(told(), "shape", "a shape");
	ok(rig_cursor.x == 11 && rig_cursor.y == 21 && rig_cursor.width == 2 && rig_cursor.hot_x == 1, "where it points to");
	ok(rig_cursor.pixels[0] == 0x807f3f1f && rig_cursor.pixels[1] == 0xff030201 && !rig_cursor.pixels[2],
	    "colours without their alpha: %08x", rig_cursor.pixels[0]);
	cursor(VIRTIO_GPU_CMD_MOVE_CURSOR, 0, -1, 5, 0, 0);
	is(told(), "cursor", "moved");
	ok(rig_cursor.x == 0 && rig_cursor.y == 6, "partly beyond the edge");
	cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 2, 0, 0, 0, 0);
	cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 9, 0, 0, 0, 0);
	cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 0, 0, 2, 0);
	cursor(0x302, 1, 0, 0, 0, 0);
	is(told(), "", "none that is too large, that is not there, that points beside itself; no such command");
	cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 0, 0, 0, 0, 0);
	is(told(), "hidden", "hidden");
	memcpy(rig_vm.mem.base, &(uint32_t){0x10ff0000}, 4);
	transfer(1, RECT(0, 0, 2, 2), 0);
	cursor(VIRTIO_GPU_CMD_UPDATE_CURSOR, 1, 0, 0, 0, 0);
	ok(rig_cursor.pixels[0] == 0x10ff0000, "colours that are not multiplied stay");
}

static void
test_framing(void)
{
	struct virtio_gpu_resource_create_2d c = {
	    {.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, .flags = VIRTIO_GPU_FLAG_FENCE | 0x80, .fence_id = 77, .ctx_id = 5}, 50, 2, 4, 4};

	ok(rig_command(&c, sizeof(c) - 1, NULL, 0, &a) == BAD, "a command cut off");
	ok(rig_command(&c, sizeof(c), NULL, 0, &a) == OK && a.hdr.flags == VIRTIO_GPU_FLAG_FENCE && a.hdr.fence_id == 77 &&
	    a.hdr.ctx_id == 5, "its fence is signalled");
	c.hdr.flags = 0;
	c.resource_id++;
	ok(rig_command(&c, sizeof(c), NULL, 0, &a) == OK && !a.hdr.flags && !a.hdr.fence_id, "without one there is none");
	c.hdr.type = 0x200;
	ok(rig_command(&c, sizeof(c), NULL, 0, &a) == VIRTIO_GPU_RESP_ERR_UNSPEC, "no 3D");
	ok(rig_command(&c, 0, NULL, 0, &a) == VIRTIO_GPU_RESP_ERR_UNSPEC, "nothing at all");
}

int
main(void)
{
	rig_make();
	test_display();
	test_resources();
	test_picture();
	test_formats();
	test_cursor();
	test_framing();
	rig_destroy();
	return tap_done();
}

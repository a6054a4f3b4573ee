/* SPDX-License-Identifier: ISC */
/*
 * A virtio-gpu without a machine: commands go straight to it, in a chain of two buffers; the screen writes down what it is
 * told, and aborts when that is not within the picture's memory. For the unit test and the fuzz target.
 */
#ifndef TESTS_UNIT_GPU_RIG_H
#define TESTS_UNIT_GPU_RIG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "kvm-run/virtio_gpu.h"
#include "kvm-run/virtio_gpu_dev.h"
#include "kvm-run/vm.h"
#include "tests/unit/virtio_stub.h"

#define RIG_RAM 0x10000
#define RIG_PICTURE (4 << 20) /* bytes of the picture's memory: a megapixel */

static struct vm rig_vm;
static struct gpu *rig_gpu;
static const struct screen_ops *rig_ops;
static char rig_log[4096]; /* of the screen: "mode 4x3", "damage 1x1+2+3", "cursor ..." */
static struct fb_mode rig_mode;
static struct fb_cursor rig_cursor;

static void
rig_note(const char *text)
{
	size_t n = strlen(rig_log);

	snprintf(rig_log + n, sizeof(rig_log) - n, "%s%s", n ? " " : "", text);
}

const char *
screen_memory_create(struct screen_memory *m, size_t size)
{
	(void)size;
	*m = (struct screen_memory){.fd = -1, .map = calloc(1, RIG_PICTURE), .size = RIG_PICTURE};
	return NULL;
}

void
screen_memory_destroy(struct screen_memory *m)
{
	free(m->map);
}

const char *
screen_create(struct vm *vm, const struct wire *w, const struct screen_ops *ops, void *dev, struct screen **out)
{
	(void)vm, (void)w, (void)dev;
	rig_ops = ops;
	*out = NULL;
	return NULL;
}

void
screen_destroy(struct screen *s)
{
	(void)s;
}

void
screen_mode(struct screen *s, const struct fb_mode *m, int fd)
{
	char text[64];

	(void)s, (void)fd;
	if (fb_fault((const void *)m, sizeof(*m), true))
		abort();
	rig_mode = *m;
	snprintf(text, sizeof(text), "mode %ux%u", m->width, m->height);
	rig_note(text);
}

void
screen_damage(struct screen *s, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	char text[64];

	(void)s;
	if (!width || !height || x + width > rig_mode.width || y + height > rig_mode.height)
		abort();
	snprintf(text, sizeof(text), "damage %ux%u+%u+%u", width, height, x, y);
	rig_note(text);
}

void
screen_cursor(struct screen *s, const struct fb_cursor *c)
{
	(void)s;
	rig_cursor = *c;
	rig_cursor.kind = FB_CURSOR;
	if (fb_fault((const void *)&rig_cursor, fb_length((const void *)&rig_cursor), true))
		abort();
	rig_note(c->flags & FB_CURSOR_SHAPE ? "shape" : c->flags ? "cursor" : "hidden");
}

void
virtio_unplug(struct virtio_dev *d)
{
	d->ops->destroy(d);
}

static inline void
rig_make(void)
{
	struct wire w = {.kind = WIRE_FB, .id = "fb0"};
	struct virtio_dev *d;
	char why[64];

	/* Exactly as large, for the sanitizer. */
	rig_vm.mem = (struct guest_mem){.base = calloc(1, RIG_RAM), .size = RIG_RAM, .low_size = RIG_RAM, .fd = -1};
	if (gpu_create(&rig_vm, &w, &d, why, sizeof(why)))
		abort();
	rig_gpu = container_of(d, struct gpu, dev);
	d->ops->start(d);
	rig_log[0] = '\0';
}

static inline void
rig_destroy(void)
{
	rig_gpu->dev.ops->stop(&rig_gpu->dev);
	if (rig_gpu->pixels || rig_gpu->nentries || rig_gpu->nresources)
		abort();
	rig_gpu->dev.ops->destroy(&rig_gpu->dev);
	free(rig_vm.mem.base);
}

/* One command of len bytes, with more bytes behind it; the answer's type. */
static inline uint32_t
rig_command(const void *c, size_t len, const void *more, size_t more_len, union gpu_answer *a)
{
	struct iovec iov[2] = {{(void *)(uintptr_t)c, len}, {(void *)(uintptr_t)more, more_len}};
	struct vq_chain chain = {.iov = iov, .nout = more_len ? 2 : 1, .out_len = len + more_len};
	size_t n = gpu_command(rig_gpu, &chain, a);

	if (n < sizeof(a->hdr) || n > sizeof(*a) || rig_gpu->pixels > GPU_PIXELS_MAX || rig_gpu->nentries > GPU_ENTRIES_MAX)
		abort();
	return a->hdr.type;
}

static inline void
rig_cursor_command(const struct virtio_gpu_update_cursor *c)
{
	struct iovec iov = {(void *)(uintptr_t)c, sizeof(*c)};
	struct vq_chain chain = {.iov = &iov, .nout = 1, .out_len = sizeof(*c)};

	gpu_cursor_command(rig_gpu, &chain);
}

#endif

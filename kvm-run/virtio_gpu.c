/* SPDX-License-Identifier: ISC */
/* virtio-gpu: the device, its queues and its configuration; the contracts are in virtio_gpu.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "kvm-run/virtio_gpu.h"
#include "kvm-run/virtio_gpu_dev.h"
#include "kvm-run/vm.h"

#define LAP 16 /* commands at a time: some copy a whole picture, and others of this thread have their turn */
#define FIRST_WIDTH 1280
#define FIRST_HEIGHT 800
#define WANTED_MAX 4095 /* an EDID cannot say more */

static struct gpu *
of_dev(struct virtio_dev *d)
{
	return container_of(d, struct gpu, dev);
}

static uint32_t
serve(struct gpu *g, unsigned q, const struct vq_chain *c)
{
	union gpu_answer a;
	size_t len;

	if (q == GPU_CURSOR) {
		gpu_cursor_command(g, c);
		return 0;
	}
	len = gpu_command(g, c, &a);
	return (uint32_t)iov_write(c->iov + c->nout, c->nin, 0, &a, len);
}

static void
kick(struct virtio_dev *d, unsigned q)
{
	struct virtq *vq = &d->queues[q].vq;
	struct iovec iov[GPU_QUEUE_SIZE];
	struct vq_chain c;
	unsigned n = 0;

	vq_no_kicks(vq);
	for (; n < LAP && vq_pop(vq, &c, iov, GPU_QUEUE_SIZE) > 0; n++)
		vq_push(vq, c.head, serve(of_dev(d), q, &c));
	if (vq->broken) {
		virtio_broken(d, vq->broken);
		return;
	}
	if (n)
		virtio_interrupt(d, q);
	if (vq_want_kicks(vq))
		virtio_kick_again(d, q);
}

/* The driver has seen an event. vCPU thread; the one bit there is makes a race with resize() harmless. */
static void
config_written(struct virtio_dev *d, unsigned off, unsigned len)
{
	struct virtio_gpu_config c;

	(void)off, (void)len;
	memcpy(&c, d->config, sizeof(c));
	c = (struct virtio_gpu_config){.events_read = c.events_read & VIRTIO_GPU_EVENT_DISPLAY & ~c.events_clear, .num_scanouts = 1};
	memcpy(d->config, &c, sizeof(c));
}

static uint32_t
at_most(uint32_t v)
{
	return v < WANTED_MAX ? v : WANTED_MAX;
}

/* 5.7.5: the driver then asks for the display's size again. */
static void
resize(void *dev, uint32_t width, uint32_t height)
{
	static const uint32_t event = VIRTIO_GPU_EVENT_DISPLAY;
	struct gpu *g = dev;

	if (at_most(width) == g->wanted_width && at_most(height) == g->wanted_height)
		return;
	g->wanted_width = at_most(width);
	g->wanted_height = at_most(height);
	virtio_config_set(&g->dev, offsetof(struct virtio_gpu_config, events_read), &event, sizeof(event));
}

static bool
start(struct virtio_dev *d)
{
	(void)d;
	return true;
}

static void
stop(struct virtio_dev *d)
{
	struct gpu *g = of_dev(d);

	gpu_hide(g);
	gpu_unref_all(g);
	g->cursor.flags = 0;
	screen_cursor(g->screen, &g->cursor);
}

static void
destroy(struct virtio_dev *d)
{
	struct gpu *g = of_dev(d);

	if (g->screen)
		screen_destroy(g->screen);
	screen_memory_destroy(&g->memory);
	free(g);
}

static const struct virtio_ops ops = {
	.device_id = VIRTIO_ID_GPU,
	.class_code = 0x038000, /* display controller, other */
	.start = start,
	.stop = stop,
	.kick = kick,
	.config_written = config_written,
	.destroy = destroy,
};

static const struct screen_ops screen_ops = {.resize = resize};

static struct gpu *
new_gpu(struct vm *vm, const struct wire *w)
{
	struct gpu *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->wanted_width = FIRST_WIDTH;
	g->wanted_height = FIRST_HEIGHT;
	g->dev.ops = &ops;
	memcpy(g->dev.id, w->id, sizeof(g->dev.id));
	g->dev.io = vm->io;
	g->dev.offered = 1ULL << VIRTIO_GPU_F_EDID;
	g->dev.config_len = sizeof(struct virtio_gpu_config);
	g->dev.config[offsetof(struct virtio_gpu_config, num_scanouts)] = 1;
	g->dev.nqueues = 2;
	g->dev.queues[GPU_CONTROL].size_max = GPU_QUEUE_SIZE;
	g->dev.queues[GPU_CURSOR].size_max = 16;
	return g;
}

const char *
gpu_create(struct vm *vm, const struct wire *w, struct virtio_dev **out, char *why, size_t size)
{
	struct gpu *g = new_gpu(vm, w);
	const char *reason = g ? screen_memory_create(&g->memory, GPU_PICTURE_MAX) : strerror(ENOMEM);
	int err;

	if (reason) {
		free(g);
		return reason;
	}
	err = virtio_plug(&g->dev, vm, false);
	if (err)
		reason = strerror(-err);
	else
		reason = screen_create(vm, w, &screen_ops, g, &g->screen);
	if (!reason) {
		*out = &g->dev;
		return NULL;
	}
	snprintf(why, size, "%s", reason);
	if (err)
		destroy(&g->dev);
	else
		virtio_unplug(&g->dev);
	return why;
}

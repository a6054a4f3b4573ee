/* SPDX-License-Identifier: ISC */
/* virtio-rng: the host kernel's randomness. The contracts are in virtio_rng.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "kvm-run/virtio.h"
#include "kvm-run/virtio_rng.h"
#include "kvm-run/vm.h"

#define QUEUE_SIZE 8
#define REQUEST_MAX 4096 /* bytes a request is given at most; 5.4.6.1 lets a device give fewer than asked for */

/* Fills the request's buffers; returns the bytes written, at least one as 5.4.6.1 demands. */
static uint32_t
fill(const struct vq_chain *c)
{
	uint8_t bytes[REQUEST_MAX];
	size_t len = c->in_len < sizeof(bytes) ? c->in_len : sizeof(bytes);

	/* Never short: a few KiB of the urandom pool do not wait, and no signal comes to this thread. */
	if (getrandom(bytes, len, 0) != (ssize_t)len)
		return 0;
	return (uint32_t)iov_write(c->iov + c->nout, c->nin, 0, bytes, len);
}

static const char *
serve(struct virtio_dev *d, unsigned q, const struct vq_chain *c)
{
	vq_push(&d->queues[q].vq, c->head, fill(c));
	return NULL;
}

static void
kick(struct virtio_dev *d, unsigned q)
{
	virtio_lap(d, q, QUEUE_SIZE, serve);
}

static void
destroy(struct virtio_dev *d)
{
	free(d);
}

static const struct virtio_ops ops = {
	.device_id = VIRTIO_ID_RNG,
	.class_code = 0x088000, /* base system peripheral, other */
	.kick = kick,
	.destroy = destroy,
};

const char *
rng_create(struct vm *vm, struct virtio_dev **out, char *why, size_t size)
{
	struct virtio_dev *d = calloc(1, sizeof(*d));
	int err = d ? 0 : -ENOMEM;

	if (!err) {
		d->ops = &ops;
		strcpy(d->id, "rng");
		d->io = vm->io;
		d->nqueues = 1;
		d->queues[0].size_max = QUEUE_SIZE;
		err = virtio_plug(d, vm, false);
	}
	if (err) {
		free(d);
		snprintf(why, size, "%s", strerror(-err));
		return why;
	}
	*out = d;
	return NULL;
}

/* SPDX-License-Identifier: ISC */
/* The life of virtio devices: start, stop, and what they tell the driver; the contracts are in virtio.h and virtio_pci.h. */
#include <string.h>
#include <sys/epoll.h>

#include "common/diag.h"
#include "kvm-run/virtio_pci.h"
#include "kvm-run/vm.h"

#define ISR_CONFIG 2

static void
on_kick(struct watch *w, uint32_t events)
{
	struct virtio_queue *q = container_of(w, struct virtio_queue, kick);

	(void)events;
	q->dev->ops->kick(q->dev, (unsigned)(q - q->dev->queues));
}

static bool
start_queues(struct virtio_dev *d)
{
	for (unsigned i = 0; i < d->nqueues; i++) {
		struct virtio_queue *q = &d->queues[i];

		if (!q->enabled)
			continue;
		q->kick = (struct watch){.fd = q->kick_fd, .handler = on_kick};
		q->vq.event_idx = d->features & VIRTIO_F_EVENT_IDX;
		if (!vq_start(&q->vq, &d->vm->mem)) {
			virtio_broken(d, q->vq.broken);
			return false;
		}
	}
	return true;
}

void
virtio_do_start(void *arg)
{
	struct virtio_dev *d = arg;

	if (d->running || !start_queues(d))
		return;
	if (d->ops->start && !d->ops->start(d)) {
		virtio_broken(d, "could not be started");
		return;
	}
	d->running = true;
	for (unsigned i = 0; i < d->nqueues; i++) {
		struct virtio_queue *q = &d->queues[i];

		if (!q->enabled || d->own_kicks)
			continue;
		/* Each kick is an edge: the count need not be read, which saves a call for every one. */
		loop_watch(&d->io->loop, &q->kick, EPOLLIN | EPOLLET);
		d->ops->kick(d, i); /* buffers may have been there before DRIVER_OK */
	}
}

static void
unwatch_kicks(struct virtio_dev *d)
{
	for (unsigned i = 0; i < d->nqueues; i++)
		loop_unwatch(&d->queues[i].kick);
}

void
virtio_do_stop(void *arg)
{
	struct virtio_dev *d = arg;

	unwatch_kicks(d);
	if (d->running && d->ops->stop)
		d->ops->stop(d);
	d->running = false;
}

/* Something of the configuration or the status is another. All in one step: a driver that reads while the generation stays
 * the same has read what belongs together, 4.1.4.3.1. */
static void
change(struct virtio_dev *d, uint8_t status, unsigned off, const void *data, unsigned len)
{
	uint16_t vector;

	pthread_mutex_lock(&d->lock);
	memcpy(&d->config[off], data, len);
	d->status |= status;
	d->isr |= ISR_CONFIG;
	d->generation++;
	vector = d->config_vector;
	pthread_mutex_unlock(&d->lock);
	msix_fire(&d->pci, vector);
}

void
virtio_broken(struct virtio_dev *d, const char *why)
{
	if (d->status & STATUS_NEEDS_RESET)
		return;
	warn("%s: %s: needs a reset by the guest", d->id, why);
	unwatch_kicks(d);
	change(d, STATUS_NEEDS_RESET, 0, "", 0);
}

void
virtio_interrupt(struct virtio_dev *d, unsigned q)
{
	if (vq_need_interrupt(&d->queues[q].vq))
		msix_fire(&d->pci, d->queues[q].vector);
}

void
virtio_config_set(struct virtio_dev *d, unsigned off, const void *data, unsigned len)
{
	change(d, 0, off, data, len);
}

/* SPDX-License-Identifier: ISC */
/* The transport as a virtio device knows it, without a machine: what it tells the driver is counted and kept. */
#ifndef TESTS_UNIT_VIRTIO_STUB_H
#define TESTS_UNIT_VIRTIO_STUB_H

#include <string.h>
#include <sys/eventfd.h>

#include "kvm-run/virtio.h"

static bool stub_doorbells; /* each queue has a descriptor for its kicks */
static unsigned stub_interrupts, stub_changes; /* of the configuration */
static const char *stub_broken;

int
virtio_plug(struct virtio_dev *d, struct vm *vm, bool hot)
{
	(void)hot;
	d->vm = vm;
	pthread_mutex_init(&d->lock, NULL);
	for (unsigned i = 0; i < d->nqueues; i++)
		d->queues[i].kick_fd = stub_doorbells ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	return 0;
}

void
virtio_interrupt(struct virtio_dev *d, unsigned q)
{
	(void)d, (void)q;
	stub_interrupts++;
}

void
virtio_config_set(struct virtio_dev *d, unsigned off, const void *data, unsigned len)
{
	memcpy(&d->config[off], data, len);
	stub_changes++;
}

void
virtio_broken(struct virtio_dev *d, const char *why)
{
	(void)d;
	stub_broken = why;
}

#endif

/* SPDX-License-Identifier: ISC */
/* What a network device needs of the machine, for programs that drive it without one: stand-ins for the transport. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kvm-run/net.h"
#include "kvm-run/seal_threads.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

struct rig {
	struct vm vm;
	struct virtio_dev *dev;
	struct net_dev *net;
	atomic_uint interrupts[VIRTIO_QUEUES_MAX];
	const char *broken;
};

static struct rig rig;
static enum wire_as rig_as;

/* --- stand-ins --- */

void
seal_thread_io(void)
{
}

enum wire_as
wiring_as(const struct wires *ws, const struct wire *w)
{
	(void)ws;
	(void)w;
	return rig_as;
}

const struct wire *
wiring_of(const struct wires *ws, const struct wire *w)
{
	(void)ws;
	(void)w;
	return NULL;
}

int
virtio_plug(struct virtio_dev *d, struct vm *vm, bool hot)
{
	(void)hot;
	d->vm = vm;
	pthread_mutex_init(&d->lock, NULL);
	for (unsigned i = 0; i < d->nqueues; i++) {
		d->queues[i].dev = d;
		d->queues[i].kick_fd = -1;
		d->queues[i].vq.size = d->queues[i].size_max;
	}
	return 0;
}

void
virtio_interrupt(struct virtio_dev *d, unsigned q)
{
	if (vq_need_interrupt(&d->queues[q].vq))
		rig.interrupts[q]++;
}

void
virtio_config_set(struct virtio_dev *d, unsigned off, const void *data, unsigned len)
{
	pthread_mutex_lock(&d->lock);
	memcpy(&d->config[off], data, len);
	d->generation++;
	pthread_mutex_unlock(&d->lock);
}

void
virtio_broken(struct virtio_dev *d, const char *why)
{
	(void)d;
	if (!rig.broken)
		rig.broken = why;
}

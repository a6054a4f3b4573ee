/* SPDX-License-Identifier: ISC */
/*
 * virtio over PCI, modern (virtio 1.2, 4.1): the registers. They are read and written by vCPU threads under dev->lock;
 * queues run on the device's I/O thread, which is asked by iothread_call, so that no lock is taken on the data path.
 */
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>

#include "kvm-run/virtio_pci.h"

#define WITHIN(off, base, len) ((off) >= (base) && (off) < (base) + (len))

/* 4.1.4.3. A copy made for each read; writes are told by offset. */
struct common {
	uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
	uint16_t config_vector, num_queues;
	uint8_t status, generation;
	uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_notify_off;
	uint64_t desc, avail, used;
	uint64_t not_offered; /* notification data, queue reset: their registers read as 0 */
};
_Static_assert(offsetof(struct common, used) == 48, "virtio 1.2, 4.1.4.3");

static uint64_t
all_features(const struct virtio_dev *d)
{
	return d->offered | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX;
}

/* Everything the driver can set, back to power-on. dev->lock held, queues stopped. */
void
virtio_reset_registers(struct virtio_dev *d)
{
	eventfd_t stale;

	d->status = 0;
	d->isr = 0;
	d->features = 0;
	d->offered_select = d->features_select = 0;
	d->queue_select = 0;
	d->config_vector = NO_VECTOR;
	for (unsigned i = 0; i < d->nqueues; i++) {
		struct virtio_queue *q = &d->queues[i];

		q->enabled = false;
		q->vector = NO_VECTOR;
		q->vq = (struct virtq){.size = q->size_max, .counts = q->vq.counts};
		eventfd_read(q->kick_fd, &stale);
	}
}

/* Both locks held; gives up dev->lock while it waits for the I/O thread, which may want it. */
static void
call_unlocked(struct virtio_dev *d, void (*fn)(void *))
{
	pthread_mutex_unlock(&d->lock);
	iothread_call(d->io, fn, d);
	pthread_mutex_lock(&d->lock);
}

void
virtio_reset(struct virtio_dev *d)
{
	pthread_mutex_lock(&d->transition);
	pthread_mutex_lock(&d->lock);
	call_unlocked(d, virtio_do_stop);
	virtio_reset_registers(d);
	pthread_mutex_unlock(&d->lock);
	pthread_mutex_unlock(&d->transition);
}

/* 3.1.1: features are final with FEATURES_OK, the device lives with DRIVER_OK, 0 resets. Both locks held: without the
 * outer one a second vCPU could change the rings' sizes between the stop and the start of the I/O thread. */
static void
write_status(struct virtio_dev *d, uint8_t status)
{
	uint8_t set = status & (uint8_t)~d->status;

	if (!status) {
		if (d->status & STATUS_DRIVER_OK)
			call_unlocked(d, virtio_do_stop);
		virtio_reset_registers(d);
		return;
	}
	if ((set & STATUS_FEATURES_OK) &&
	    ((d->features & ~all_features(d)) || !(d->features & VIRTIO_F_VERSION_1)))
		status &= (uint8_t)~STATUS_FEATURES_OK;
	d->status |= status & (uint8_t)~STATUS_NEEDS_RESET;
	if ((set & STATUS_DRIVER_OK) && (d->status & STATUS_FEATURES_OK))
		call_unlocked(d, virtio_do_start);
}

static struct virtio_queue *
selected(struct virtio_dev *d)
{
	return d->queue_select < d->nqueues ? &d->queues[d->queue_select] : NULL;
}

static void
common_read(struct virtio_dev *d, struct common *c)
{
	const struct virtio_queue *q = selected(d);
	uint64_t offered = all_features(d);

	*c = (struct common){
		.device_feature_select = d->offered_select,
		.driver_feature_select = d->features_select,
		.config_vector = d->config_vector,
		.num_queues = (uint16_t)d->nqueues,
		.status = d->status,
		.generation = d->generation,
		.queue_select = d->queue_select,
	};
	if (d->offered_select < 2)
		c->device_feature = (uint32_t)(offered >> (32 * d->offered_select));
	if (d->features_select < 2)
		c->driver_feature = (uint32_t)(d->features >> (32 * d->features_select));
	if (!q)
		return;
	c->queue_size = q->vq.size;
	c->queue_vector = q->vector;
	c->queue_enable = q->enabled;
	c->queue_notify_off = d->queue_select;
	c->desc = q->vq.desc_gpa;
	c->avail = q->vq.avail_gpa;
	c->used = q->vq.used_gpa;
}

static uint16_t
vector_or_none(const struct virtio_dev *d, uint64_t v)
{
	return v < d->pci.nvectors ? (uint16_t)v : NO_VECTOR;
}

/* Half or all of a 64-bit ring address. */
static void
put_half(uint64_t *addr, uint64_t v, unsigned len, bool high)
{
	if (len == 8)
		*addr = v;
	else if (high)
		*addr = (*addr & 0xffffffffU) | v << 32;
	else
		*addr = (*addr & ~0xffffffffULL) | v;
}

/* A queue's registers. They are fixed once it is enabled (4.1.4.3.2), which also keeps them from changing under the
 * I/O thread. */
static void
queue_write(struct virtio_dev *d, unsigned off, uint64_t v, unsigned len)
{
	struct virtio_queue *q = selected(d);

	if (!q)
		return;
	if (off == offsetof(struct common, queue_vector)) {
		q->vector = vector_or_none(d, v);
		return;
	}
	if (q->enabled || (d->status & STATUS_DRIVER_OK))
		return;
	switch (off) {
	case offsetof(struct common, queue_size):
		if (v && v <= q->size_max && !(v & (v - 1)))
			q->vq.size = (uint16_t)v;
		break;
	case offsetof(struct common, queue_enable):
		q->enabled = v == 1;
		break;
	case offsetof(struct common, desc):
	case offsetof(struct common, desc) + 4:
		put_half(&q->vq.desc_gpa, v, len, off & 4);
		break;
	case offsetof(struct common, avail):
	case offsetof(struct common, avail) + 4:
		put_half(&q->vq.avail_gpa, v, len, off & 4);
		break;
	case offsetof(struct common, used):
	case offsetof(struct common, used) + 4:
		put_half(&q->vq.used_gpa, v, len, off & 4);
		break;
	}
}

static void
common_write(struct virtio_dev *d, unsigned off, uint64_t v, unsigned len)
{
	switch (off) {
	case offsetof(struct common, device_feature_select):
		d->offered_select = (uint32_t)v;
		break;
	case offsetof(struct common, driver_feature_select):
		d->features_select = (uint32_t)v;
		break;
	case offsetof(struct common, driver_feature):
		if (d->features_select < 2 && !(d->status & STATUS_FEATURES_OK))
			put_half(&d->features, (uint32_t)v, 4, d->features_select);
		break;
	case offsetof(struct common, config_vector):
		d->config_vector = vector_or_none(d, v);
		break;
	case offsetof(struct common, status):
		write_status(d, (uint8_t)v);
		break;
	case offsetof(struct common, queue_select):
		d->queue_select = (uint16_t)v;
		break;
	default:
		queue_write(d, off, v, len);
	}
}

static void
common_access(struct virtio_dev *d, unsigned off, void *data, unsigned len, bool write)
{
	struct common c;
	uint64_t v = 0;

	if (off + len > COMMON_LEN)
		return;
	if (write) {
		memcpy(&v, data, len);
		common_write(d, off, v, len);
	} else {
		common_read(d, &c);
		memcpy(data, (char *)&c + off, len);
	}
}

static void
device_access(struct virtio_dev *d, unsigned off, void *data, unsigned len, bool write)
{
	if (off + len > d->config_len)
		return;
	if (!write) {
		memcpy(data, &d->config[off], len);
	} else if (d->ops->config_written) {
		memcpy(&d->config[off], data, len);
		d->ops->config_written(d, off, len);
	}
}

/* Kicks come here only where no ioeventfd caught them. */
static void
notify_access(struct virtio_dev *d, unsigned off, bool write)
{
	if (write && off / NOTIFY_STEP < d->nqueues)
		virtio_kick_again(d, off / NOTIFY_STEP);
}

void
virtio_bar_access(struct pci_dev *p, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	struct virtio_dev *d = virtio_of_pci(p);
	bool status;

	(void)bar;
	if (WITHIN(off, OFF_NOTIFY, BAR_SIZE - OFF_NOTIFY)) {
		notify_access(d, (unsigned)off - OFF_NOTIFY, write);
		return;
	}
	status = write && off == OFF_COMMON + offsetof(struct common, status);
	if (status)
		pthread_mutex_lock(&d->transition);
	pthread_mutex_lock(&d->lock);
	if (WITHIN(off, OFF_COMMON, OFF_ISR - OFF_COMMON)) {
		common_access(d, (unsigned)off - OFF_COMMON, data, len, write);
	} else if (WITHIN(off, OFF_DEVICE, VIRTIO_CONFIG_MAX)) {
		device_access(d, (unsigned)off - OFF_DEVICE, data, len, write);
	} else if (off == OFF_ISR && !write) {
		memset(data, 0, len);
		*(uint8_t *)data = (uint8_t)d->isr;
		d->isr = 0;
	}
	pthread_mutex_unlock(&d->lock);
	if (status)
		pthread_mutex_unlock(&d->transition);
}

/* The window of VIRTIO_PCI_CAP_PCI_CFG (4.1.4.9): for firmware that cannot reach the BAR. */
static bool
window(struct virtio_dev *d, struct cap *c, unsigned off)
{
	unsigned cap = d->cfg_cap;

	memcpy(c, &d->pci.config[cap], sizeof(*c));
	return off == cap + offsetof(struct cap, extra) && c->bar == BAR &&
	    (c->length == 1 || c->length == 2 || c->length == 4) && !(c->offset & (c->length - 1)) &&
	    c->offset >= OFF_COMMON && c->offset <= BAR_SIZE - c->length;
}

void
virtio_config_written(struct pci_dev *p, unsigned off, unsigned len)
{
	struct virtio_dev *d = virtio_of_pci(p);
	struct cap c;

	(void)len;
	if (window(d, &c, off))
		virtio_bar_access(p, c.bar, c.offset, &c.extra, c.length, true);
}

void
virtio_config_read(struct pci_dev *p, unsigned off, unsigned len)
{
	struct virtio_dev *d = virtio_of_pci(p);
	struct cap c;

	(void)len;
	if (window(d, &c, off))
		virtio_bar_access(p, c.bar, c.offset, &p->config[off], c.length, false);
}

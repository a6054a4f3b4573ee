/* SPDX-License-Identifier: ISC */
/*
 * virtio over PCI, modern (virtio 1.2, 4.1): the registers, and the start and stop of devices. Registers are read and
 * written by vCPU threads under dev->lock; queues run on the device's I/O thread, which is asked by iothread_call, so
 * that no lock is taken on the data path.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/util.h"
#include "kvm-run/msix.h"
#include "kvm-run/virtio.h"
#include "kvm-run/vm.h"

/* Device status, 2.1 */
#define STATUS_DRIVER_OK 4
#define STATUS_FEATURES_OK 8
#define STATUS_NEEDS_RESET 64

#define ISR_CONFIG 2
#define NO_VECTOR 0xffff

/* The one BAR: MSI-X in its first page, then the structures of 4.1.4, each in a place of its own. */
#define BAR 0
#define BAR_SIZE 0x4000
#define OFF_COMMON 0x1000
#define OFF_ISR 0x1100
#define OFF_DEVICE 0x1200
#define OFF_NOTIFY 0x2000
#define NOTIFY_STEP 4
#define COMMON_LEN 0x3c
#define WITHIN(off, base, len) ((off) >= (base) && (off) < (base) + (len))

/* struct virtio_pci_cap and what follows it in some kinds, 4.1.4 */
struct cap {
	uint8_t vndr, next, len, type, bar, id, pad[2];
	uint32_t offset, length;
	uint32_t extra; /* notify: the step; pci: a window of 4 bytes on the BAR */
};
#define CAP_PLAIN 16
#define CAP_WITH_EXTRA 20
enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_PCI };

/* 4.1.4.3. A copy made for each read; writes are told by offset. */
struct common {
	uint32_t device_feature_select, device_feature, driver_feature_select, driver_feature;
	uint16_t config_vector, num_queues;
	uint8_t status, generation;
	uint16_t queue_select, queue_size, queue_vector, queue_enable, queue_notify_off;
	uint64_t desc, avail, used;
};
_Static_assert(offsetof(struct common, used) == 48, "virtio 1.2, 4.1.4.3");

static struct virtio_dev *
of_pci(struct pci_dev *p)
{
	return container_of(p, struct virtio_dev, pci);
}

static uint64_t
all_features(const struct virtio_dev *d)
{
	return d->offered | VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX;
}

/* --- start and stop, on the I/O thread --- */

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
		q->vq.event_idx = d->features & VIRTIO_F_EVENT_IDX;
		if (!vq_start(&q->vq, &d->vm->mem)) {
			virtio_broken(d, q->vq.broken);
			return false;
		}
	}
	return true;
}

static void
do_start(void *arg)
{
	struct virtio_dev *d = arg;

	if (d->running || !start_queues(d))
		return;
	if (!d->ops->start(d)) {
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

static void
do_stop(void *arg)
{
	struct virtio_dev *d = arg;

	unwatch_kicks(d);
	if (d->running)
		d->ops->stop(d);
	d->running = false;
}

/* --- what devices call --- */

static void
set_status(struct virtio_dev *d, uint8_t set, uint32_t isr)
{
	pthread_mutex_lock(&d->lock);
	d->status |= set;
	d->isr |= isr;
	d->generation++;
	pthread_mutex_unlock(&d->lock);
	msix_fire(&d->pci, d->config_vector);
}

void
virtio_broken(struct virtio_dev *d, const char *why)
{
	if (d->status & STATUS_NEEDS_RESET)
		return;
	warn("%s: %s: needs a reset by the guest", d->id, why);
	unwatch_kicks(d);
	set_status(d, STATUS_NEEDS_RESET, ISR_CONFIG);
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
	pthread_mutex_lock(&d->lock);
	memcpy(&d->config[off], data, len);
	pthread_mutex_unlock(&d->lock);
	set_status(d, 0, ISR_CONFIG);
}

/* --- registers, on vCPU threads --- */

/* Everything the driver can set, back to power-on. dev->lock held, queues stopped. */
static void
reset_registers(struct virtio_dev *d)
{
	uint64_t n;

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
		q->vq = (struct virtq){.size = q->size_max};
		if (read(q->kick_fd, &n, sizeof(n)) < 0) {
			/* no stale kick */
		}
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
	call_unlocked(d, do_stop);
	reset_registers(d);
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
			call_unlocked(d, do_stop);
		reset_registers(d);
		return;
	}
	if ((set & STATUS_FEATURES_OK) &&
	    ((d->features & ~all_features(d)) || !(d->features & VIRTIO_F_VERSION_1)))
		status &= (uint8_t)~STATUS_FEATURES_OK;
	d->status |= status & (uint8_t)~STATUS_NEEDS_RESET;
	if ((set & STATUS_DRIVER_OK) && (d->status & STATUS_FEATURES_OK))
		call_unlocked(d, do_start);
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
	} else if (off + len <= sizeof(c)) {
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
notify_access(struct virtio_dev *d, unsigned off, bool is_write)
{
	const uint64_t one = 1;

	if (is_write && off / NOTIFY_STEP < d->nqueues &&
	    write(d->queues[off / NOTIFY_STEP].kick_fd, &one, sizeof(one)) < 0) {
		/* the counter is full: it will be seen */
	}
}

static void
bar_access(struct pci_dev *p, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	struct virtio_dev *d = of_pci(p);
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

static void
bar_mapped(struct pci_dev *p, unsigned bar, uint64_t gpa, bool mapped)
{
	struct virtio_dev *d = of_pci(p);

	(void)bar;
	for (unsigned i = 0; i < d->nqueues; i++) {
		/* len 0: any width, and on some hosts no decoding of the instruction */
		struct kvm_ioeventfd e = {
			.addr = gpa + OFF_NOTIFY + NOTIFY_STEP * i,
			.fd = d->queues[i].kick_fd,
			.flags = mapped ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN,
		};

		/* Where KVM refuses, notify_access serves. */
		ioctl(d->vm->fd, KVM_IOEVENTFD, &e);
	}
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

static void
config_written(struct pci_dev *p, unsigned off, unsigned len)
{
	struct virtio_dev *d = of_pci(p);
	struct cap c;

	(void)len;
	if (window(d, &c, off))
		bar_access(p, c.bar, c.offset, &c.extra, c.length, true);
}

static void
config_read(struct pci_dev *p, unsigned off, unsigned len)
{
	struct virtio_dev *d = of_pci(p);
	struct cap c;

	(void)len;
	if (window(d, &c, off))
		bar_access(p, c.bar, c.offset, &p->config[off], c.length, false);
}

/* --- set-up --- */

static const struct pci_ops pci_ops = {
	.bar_access = bar_access,
	.bar_mapped = bar_mapped,
	.config_written = config_written,
	.config_read = config_read,
};

static unsigned
add_cap(struct virtio_dev *d, uint8_t type, uint32_t offset, uint32_t length, uint32_t extra)
{
	struct cap c = {.type = type, .bar = BAR, .offset = offset, .length = length, .extra = extra};

	c.len = type == CAP_NOTIFY || type == CAP_PCI ? CAP_WITH_EXTRA : CAP_PLAIN;
	return pci_add_cap(&d->pci, 0x09, &c, c.len); /* vendor-specific */
}

static void
add_caps(struct virtio_dev *d)
{
	add_cap(d, CAP_COMMON, OFF_COMMON, COMMON_LEN, 0);
	add_cap(d, CAP_ISR, OFF_ISR, 1, 0);
	if (d->config_len)
		add_cap(d, CAP_DEVICE, OFF_DEVICE, d->config_len, 0);
	add_cap(d, CAP_NOTIFY, OFF_NOTIFY, NOTIFY_STEP * d->nqueues, NOTIFY_STEP);
	d->cfg_cap = add_cap(d, CAP_PCI, 0, 0, 0);
	d->pci.wmask[d->cfg_cap + offsetof(struct cap, bar)] = 0xff;
	memset(&d->pci.wmask[d->cfg_cap + offsetof(struct cap, offset)], 0xff, 12);
}

static int
open_queues(struct virtio_dev *d)
{
	for (unsigned i = 0; i < d->nqueues; i++)
		d->queues[i].kick_fd = -1;
	for (unsigned i = 0; i < d->nqueues; i++) {
		struct virtio_queue *q = &d->queues[i];

		q->dev = d;
		q->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->kick_fd < 0)
			return -errno;
		q->kick = (struct watch){.fd = q->kick_fd, .handler = on_kick};
	}
	return 0;
}

static void
close_queues(struct virtio_dev *d)
{
	for (unsigned i = 0; i < d->nqueues; i++)
		if (d->queues[i].kick_fd >= 0)
			close(d->queues[i].kick_fd);
}

int
virtio_plug(struct virtio_dev *d, struct vm *vm, bool hot)
{
	int err;

	d->vm = vm;
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->transition, NULL);
	pci_dev_init(&d->pci, vm, d->id, &pci_ops, 0x1af4, 0x1040 + d->ops->device_id, d->ops->class_code, 1);
	pci_add_bar(&d->pci, BAR, BAR_SIZE, true, true);
	err = open_queues(d);
	if (!err)
		err = pci_add_msix(&d->pci, BAR, d->nqueues + 1);
	if (!err) {
		reset_registers(d);
		add_caps(d);
		err = pci_plug(&vm->pci, &d->pci, hot);
		if (err < 0)
			msix_done(&d->pci);
	}
	if (err < 0)
		close_queues(d);
	return err < 0 ? err : 0;
}

void
virtio_unplug(struct virtio_dev *d)
{
	virtio_reset(d);
	pci_unplug(&d->vm->pci, &d->pci);
	close_queues(d);
	d->ops->destroy(d);
}

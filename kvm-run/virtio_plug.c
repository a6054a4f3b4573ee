/* SPDX-License-Identifier: ISC */
/* A virtio device on the bus: its capabilities (virtio 1.2, 4.1.4), ioeventfds, eventfds; the contracts are in virtio.h. */
#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm-run/msix.h"
#include "kvm-run/virtio_pci.h"
#include "kvm-run/vm.h"

static void
bar_mapped(struct pci_dev *p, unsigned bar, uint64_t gpa, bool mapped)
{
	struct virtio_dev *d = virtio_of_pci(p);

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

static const struct pci_ops pci_ops = {
	.bar_access = virtio_bar_access,
	.bar_mapped = bar_mapped,
	.config_written = virtio_config_written,
	.config_read = virtio_config_read,
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
		d->queues[i].dev = d;
		d->queues[i].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (d->queues[i].kick_fd < 0)
			return -errno;
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
		virtio_reset_registers(d);
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

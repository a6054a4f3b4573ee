/* SPDX-License-Identifier: ISC */
/*
 * The interrupts of an assigned device. The kernel signals the eventfds that MSI-X and MSI have here anyway (msix.c), so what
 * the guest masks just counts. INTx is a level: the kernel masks it when it comes and unmasks it when the guest has handled it,
 * which KVM tells by an eventfd of its own.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/util.h"
#include "kvm-run/hotplug.h"
#include "kvm-run/irq.h"
#include "kvm-run/pci_irq.h"
#include "kvm-run/vfio_dev.h"

#define MSI_CONTROL 2
#define MSI_ENABLE 0x01
#define MSIX_CONTROL 3 /* high byte */
#define MSIX_ENABLE 0x80

/* Gives the kernel n eventfds for an action of an interrupt; n = 0: takes all of them back. 0, -errno, or how many there are when
 * that is less. */
static int
set_irqs(struct vfio *v, uint32_t index, uint32_t action, const int *fds, uint32_t n)
{
	struct vfio_irq_set *s = v->irq_set;

	*s = (struct vfio_irq_set){.argsz = (uint32_t)(sizeof(*s) + n * sizeof(*fds)), .index = index, .count = n};
	s->flags = action | (n ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE);
	if (n)
		memmove(s->data, fds, n * sizeof(*fds)); /* or they are there already */
	n = (uint32_t)ioctl(v->fd, VFIO_DEVICE_SET_IRQS, s);
	return (int)n < 0 ? -errno : (int)n;
}

static uint32_t
irq_index(enum vfio_irq_mode mode)
{
	return mode == VFIO_IRQ_MSIX ? VFIO_PCI_MSIX_IRQ_INDEX : mode == VFIO_IRQ_MSI ? VFIO_PCI_MSI_IRQ_INDEX : VFIO_PCI_INTX_IRQ_INDEX;
}

static uint32_t
pin_gsi(const struct vfio *v)
{
	return PCI_PIRQ_GSI + pci_pirq((unsigned)v->pci.slot);
}

static int
enable_intx(struct vfio *v)
{
	int err = irq_pin_level(v->vm, pin_gsi(v), v->pin_fd, v->unmask_fd, true);

	if (!err)
		err = set_irqs(v, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, &v->pin_fd, 1);
	/* One that came before this is still masked; the kernel finds its count here. */
	if (!err)
		err = set_irqs(v, VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_UNMASK, &v->unmask_fd, 1);
	return err;
}

/* All vectors at once: more could be had later only by taking all back first, and losing what comes then. */
static int
enable_msix(struct vfio *v)
{
	int *fds = (int *)(void *)v->irq_set->data, err;
	unsigned n = v->pci.nvectors;

	for (unsigned i = 0; i < n; i++)
		fds[i] = v->pci.vectors[i].fd;
	err = set_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, fds, n);
	if (err > 0 && (unsigned)err < n) {
		warn("%s: the host has %d of its %u interrupts; the others are lost", v->id, err, n);
		err = set_irqs(v, VFIO_PCI_MSIX_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, fds, (uint32_t)err);
	}
	return err;
}

static void
disable(struct vfio *v)
{
	eventfd_t count;

	if (v->irq_mode == VFIO_IRQ_NONE)
		return;
	set_irqs(v, irq_index(v->irq_mode), VFIO_IRQ_SET_ACTION_TRIGGER, NULL, 0);
	if (v->irq_mode == VFIO_IRQ_INTX) {
		irq_pin_level(v->vm, pin_gsi(v), v->pin_fd, v->unmask_fd, false);
		eventfd_read(v->pin_fd, &count);
		eventfd_read(v->unmask_fd, &count);
	}
}

void
vfio_irq_set_mode(struct vfio *v, enum vfio_irq_mode mode)
{
	int err = 0;

	if (mode == v->irq_mode)
		return;
	disable(v);
	v->irq_mode = mode;
	switch (mode) {
	case VFIO_IRQ_INTX: err = enable_intx(v); break;
	case VFIO_IRQ_MSI: err = set_irqs(v, VFIO_PCI_MSI_IRQ_INDEX, VFIO_IRQ_SET_ACTION_TRIGGER, &v->pci.msi.fd, 1); break;
	case VFIO_IRQ_MSIX: err = enable_msix(v); break;
	case VFIO_IRQ_NONE: break;
	}
	if (err && !v->irq_failed)
		warn("%s: interrupts are lost: %s", v->id, err < 0 ? strerror(-err) : "the host has none left");
	v->irq_failed |= err != 0;
}

void
vfio_irq_update(struct vfio *v)
{
	const struct pci_dev *d = &v->pci;

	if (d->msix_cap && d->config[d->msix_cap + MSIX_CONTROL] & MSIX_ENABLE)
		vfio_irq_set_mode(v, VFIO_IRQ_MSIX);
	else if (d->msi_cap && d->config[d->msi_cap + MSI_CONTROL] & MSI_ENABLE)
		vfio_irq_set_mode(v, VFIO_IRQ_MSI);
	else
		vfio_irq_set_mode(v, v->has_pin ? VFIO_IRQ_INTX : VFIO_IRQ_NONE);
}

/* Somebody on the host takes the driver from the device and waits for us. */
static void
on_request(struct watch *w, uint32_t events)
{
	struct vfio *v = container_of(w, struct vfio, request);
	eventfd_t count;
	unsigned slot;

	(void)events;
	eventfd_read(w->fd, &count);
	warn("%s: the host wants it back", v->id);
	hotplug_ask(v->vm, v->id, &slot);
	loop_unwatch(w); /* the host asks every few seconds */
}

/* By PCI Express's error reporting. What the guest makes of it is its own matter. */
static void
on_fault(struct watch *w, uint32_t events)
{
	const struct vfio *v = container_of(w, struct vfio, fault);
	eventfd_t count;

	(void)events;
	eventfd_read(w->fd, &count);
	warn("%s: the device reports an error that it does not recover from", v->id);
}

static int
watch_event(struct vfio *v, struct watch *w, uint32_t index)
{
	if (w->fd < 0)
		return -errno;
	if (set_irqs(v, index, VFIO_IRQ_SET_ACTION_TRIGGER, &w->fd, 1)) /* not every device has them */
		return 0;
	return loop_watch(&v->vm->loop, w, EPOLLIN);
}

static int
event(void)
{
	return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

const char *
vfio_irq_open(struct vfio *v, struct why *reason)
{
	int err;

	v->irq_set = calloc(1, sizeof(*v->irq_set) + (v->pci.nvectors + 1) * sizeof(int));
	v->pin_fd = event();
	v->unmask_fd = event();
	v->request = (struct watch){.fd = event(), .handler = on_request};
	v->fault = (struct watch){.fd = event(), .handler = on_fault};
	if (!v->irq_set || v->pin_fd < 0 || v->unmask_fd < 0)
		return why(reason, "interrupts: %s", strerror(errno));
	err = watch_event(v, &v->request, VFIO_PCI_REQ_IRQ_INDEX);
	if (!err)
		err = watch_event(v, &v->fault, VFIO_PCI_ERR_IRQ_INDEX);
	return err ? why(reason, "interrupts: %s", strerror(-err)) : NULL;
}

void
vfio_irq_close(struct vfio *v)
{
	int fds[] = {v->pin_fd, v->unmask_fd, v->request.fd, v->fault.fd};

	disable(v);
	loop_unwatch(&v->request);
	loop_unwatch(&v->fault);
	for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(v->irq_set);
}

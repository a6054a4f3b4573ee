/* SPDX-License-Identifier: ISC */
/*
 * Interrupts of devices that are too old for MSI-X: the pin (PCI 3.0, 6.2.4), a level that slots share, and MSI of one
 * message (6.8.1). A pin goes to one of the ICH9's eight PIRQ lines, each of which is an IO-APIC pin of its own and, where
 * the routing register says so (ICH9, 13.1.17), a line of the PICs as well.
 */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/irq.h"
#include "kvm-run/pci_bar.h"
#include "kvm-run/pci_irq.h"
#include "kvm-run/vm.h"

#define CFG_STATUS 0x06
#define CFG_PIN 0x3d
#define CMD_NO_INTX 0x04 /* high byte */
#define STATUS_INTX 0x08

#define CAP_MSI 0x05
#define MSI_CONTROL 2
#define MSI_ADDRESS 4
#define MSI_DATA32 8
#define MSI_DATA64 12
#define MSI_LEN 14
#define MSI_64BIT 0x80
#define MSI_ENABLE 0x01

#define LPC_PIRQA 0x60
#define LPC_PIRQE 0x68
#define PIRQ_NOT_ROUTED 0x80
#define PIC_LINES 0xdcf8U /* 3 to 7, 10 to 12, 14, 15; not 9, which here is the SCI's alone */

void
pci_add_intx(struct pci_dev *d)
{
	d->config[CFG_PIN] = 1; /* INTA */
}

/* Where the message's data is. */
static unsigned
msi_data(const struct pci_dev *d)
{
	return d->msi_cap + (d->config[d->msi_cap + MSI_CONTROL] & MSI_64BIT ? MSI_DATA64 : MSI_DATA32);
}

int
pci_use_msi(struct pci_dev *d, unsigned cap)
{
	struct msix_vector *v = &d->msi;
	int gsi = irq_msi_alloc(d->vm);

	if (gsi < 0)
		return gsi;
	*v = (struct msix_vector){.gsi = (uint32_t)gsi, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	if (v->fd < 0) {
		int err = -errno;

		irq_msi_free(d->vm, v->gsi);
		return err;
	}
	d->msi_cap = cap;
	d->wmask[cap + MSI_CONTROL] = MSI_ENABLE;
	memset(&d->wmask[cap + MSI_ADDRESS], 0xff, msi_data(d) - cap - MSI_ADDRESS + 2);
	d->wmask[cap + MSI_ADDRESS] = 0xfc;
	return 0;
}

int
pci_add_msi(struct pci_dev *d)
{
	static const uint8_t body[MSI_LEN] = {[MSI_CONTROL] = MSI_64BIT};

	return pci_use_msi(d, pci_add_cap(d, CAP_MSI, body, sizeof(body)));
}

static bool
msi_enabled(const struct pci_dev *d)
{
	return d->msi_cap && (d->config[d->msi_cap + MSI_CONTROL] & MSI_ENABLE);
}

static bool
drives_pin(const struct pci_dev *d)
{
	return d->irq_level && !msi_enabled(d) && !(d->config[CFG_COMMAND + 1] & CMD_NO_INTX);
}

/* The PIC's line for a PIRQ, as a mask. */
static uint32_t
pic_line(const struct pci_bus *b, unsigned pirq)
{
	const struct pci_dev *lpc = b->slots[PCI_LPC_SLOT];
	uint8_t route = lpc ? lpc->config[pirq < 4 ? LPC_PIRQA + pirq : LPC_PIRQE + pirq - 4] : PIRQ_NOT_ROUTED;

	return route & PIRQ_NOT_ROUTED ? 0 : 1U << (route & 15) & PIC_LINES;
}

/* Gives all lines the levels that devices and routes now make. irq_lock held. */
static void
update_lines(struct pci_bus *b)
{
	uint32_t lines = 0, changed;

	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		const struct pci_dev *d = __atomic_load_n(&b->slots[slot], __ATOMIC_ACQUIRE);

		if (d && drives_pin(d))
			lines |= 1U << (PCI_PIRQ_GSI + pci_pirq(slot)) | pic_line(b, pci_pirq(slot));
	}
	changed = lines ^ b->irq_lines;
	b->irq_lines = lines;
	for (unsigned gsi = 0; changed; gsi++, changed >>= 1)
		if (changed & 1)
			vm_irq_line(b->vm, gsi, lines >> gsi & 1);
}

void
pci_irq(struct pci_dev *d, bool level)
{
	struct pci_bus *b = &d->vm->pci;
	bool was;

	pthread_mutex_lock(&b->irq_lock);
	was = d->irq_level;
	d->irq_level = level;
	if (level && d->msi.armed)
		eventfd_write(d->msi.fd, 1);
	else if (level != was)
		update_lines(b);
	pthread_mutex_unlock(&b->irq_lock);
}

/* The message is another one, or enabled, or not any more. irq_lock held. */
static void
update_msi(struct pci_dev *d)
{
	struct msix_vector *v = &d->msi;
	int err;

	if (v->armed)
		irq_msi_disarm(d->vm, v->gsi, v->fd);
	v->armed = false;
	if (!msi_enabled(d))
		return;
	v->addr = 0;
	memcpy(&v->addr, &d->config[d->msi_cap + MSI_ADDRESS], msi_data(d) - d->msi_cap - MSI_ADDRESS);
	v->data = d->config[msi_data(d)] | (uint32_t)d->config[msi_data(d) + 1] << 8;
	err = irq_msi_arm(d->vm, v->gsi, v->fd, v->addr, v->data);
	v->armed = !err;
	if (err && !d->msix_failed)
		warn("%s: interrupts are lost: %s", d->id, strerror(-err));
	d->msix_failed |= err != 0;
	if (d->irq_level && v->armed)
		eventfd_write(v->fd, 1); /* what was pending on the pin */
}

void
pci_irq_written(struct pci_bus *b, struct pci_dev *d, unsigned off, unsigned len)
{
	bool msi = d->msi_cap && off < d->msi_cap + MSI_LEN && off + len > d->msi_cap + MSI_CONTROL;

	if (off > CFG_COMMAND + 1 && !msi && d->slot != PCI_LPC_SLOT)
		return;
	pthread_mutex_lock(&b->irq_lock);
	if (msi)
		update_msi(d);
	update_lines(b);
	pthread_mutex_unlock(&b->irq_lock);
}

void
pci_irq_status(const struct pci_dev *d, unsigned off, uint8_t *data, unsigned len)
{
	if (d->irq_level && off <= CFG_STATUS && off + len > CFG_STATUS)
		data[CFG_STATUS - off] |= STATUS_INTX;
}

void
pci_irq_reset(struct pci_bus *b, struct pci_dev *d)
{
	eventfd_t count;

	pthread_mutex_lock(&b->irq_lock);
	d->irq_level = false;
	if (d->msi_cap) {
		update_msi(d);
		eventfd_read(d->msi.fd, &count);
	}
	update_lines(b);
	pthread_mutex_unlock(&b->irq_lock);
}

void
pci_irq_done(struct pci_dev *d)
{
	if (!d->msi_cap)
		return;
	close(d->msi.fd);
	irq_msi_free(d->vm, d->msi.gsi);
	d->msi_cap = 0;
}

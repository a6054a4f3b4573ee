/* SPDX-License-Identifier: ISC */
/* The AHCI controller: its registers (AHCI 1.3.1, 3.1), interrupts, place on the bus; the contracts are in ahci_dev.h. */
#include <stdlib.h>
#include <string.h>

#include "kvm-run/ahci_new.h"
#include "kvm-run/vm.h"

#define BAR 5
#define BAR_SIZE 0x2000
#define PORTS_AT 0x100
#define PORT_SIZE 0x80

enum {
	HBA_CAP = 0x00,
	HBA_GHC = 0x04,
	HBA_IS = 0x08,
	HBA_PI = 0x0c,
	HBA_VS = 0x10,
};

/* 64-bit addresses, NCQ, command list override, 6 Gb/s, AHCI only, 32 commands */
#define CAP_BITS (1U << 31 | 1U << 30 | 1U << 24 | 3U << 20 | 1U << 18 | (AHCI_SLOTS - 1) << 8)
#define GHC_AE (1U << 31)
#define GHC_IE (1U << 1)
#define GHC_HR (1U << 0)
#define AHCI_1_3 0x00010300U

/* A port has something, or has not any more: IS remembers, and the controller's interrupt follows. hba->lock held. */
static void
update(struct ahci *h, bool more)
{
	bool level;

	h->is |= h->pending;
	level = h->interrupts && h->is;
	if (more || !level)
		pci_irq(&h->pci, level);
}

void
ahci_port_irq(struct ahci_port *p, bool more)
{
	struct ahci *h = p->hba;
	uint32_t bit = 1U << p->index;

	pthread_mutex_lock(&h->lock);
	h->pending = p->is & p->ie ? h->pending | bit : h->pending & ~bit;
	update(h, more && h->pending & bit);
	pthread_mutex_unlock(&h->lock);
}

static void
reset_registers(struct ahci *h)
{
	pthread_mutex_lock(&h->lock);
	h->is = h->pending = 0;
	h->interrupts = false;
	update(h, false);
	pthread_mutex_unlock(&h->lock);
}

/* Returns when no drive is at anything any more: GHC.HR reads as 0 from then on. */
static void
reset_all(struct ahci *h)
{
	for (unsigned i = 0; i < h->nports; i++)
		iothread_call(&h->ports[i]->io, ahci_port_reset, h->ports[i]);
	reset_registers(h);
}

static uint32_t
hba_read(struct ahci *h, unsigned reg)
{
	uint32_t v = 0;

	pthread_mutex_lock(&h->lock);
	switch (reg) {
	case HBA_CAP: v = CAP_BITS | (h->nports - 1); break;
	case HBA_GHC: v = GHC_AE | (h->interrupts ? GHC_IE : 0); break;
	case HBA_IS: v = h->is; break;
	case HBA_PI: v = (uint32_t)((1ULL << h->nports) - 1); break;
	case HBA_VS: v = AHCI_1_3; break;
	}
	pthread_mutex_unlock(&h->lock);
	return v;
}

static void
hba_write(struct ahci *h, unsigned reg, uint32_t v)
{
	if (reg == HBA_GHC && (v & GHC_HR)) {
		reset_all(h);
		return;
	}
	pthread_mutex_lock(&h->lock);
	if (reg == HBA_GHC)
		h->interrupts = v & GHC_IE;
	else if (reg == HBA_IS)
		h->is &= ~v;
	/* A port that still has something wants its interrupt again, which MSI would not say otherwise: 10.7.2.1. */
	update(h, reg == HBA_GHC || h->pending);
	pthread_mutex_unlock(&h->lock);
}

static void
access_dword(void *hba, uint64_t off, uint32_t *v, bool write)
{
	struct ahci *h = hba;
	unsigned index = (unsigned)(off - PORTS_AT) / PORT_SIZE, reg = (unsigned)off % PORT_SIZE;
	struct ahci_port *p = off >= PORTS_AT && index < h->nports ? h->ports[index] : NULL;

	if (off < PORTS_AT && write)
		hba_write(h, (unsigned)off, *v);
	else if (off < PORTS_AT)
		*v = hba_read(h, (unsigned)off);
	else if (!p)
		*v = write ? *v : 0;
	else if (write)
		ahci_port_write(p, reg, *v);
	else
		*v = ahci_port_read(p, reg);
}

static void
bar_access(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	(void)bar;
	bus_dwords(container_of(d, struct ahci, pci), access_dword, off, data, len, write);
}

struct ahci *
ahci_new(struct vm *vm)
{
	static const struct pci_ops ops = {.bar_access = bar_access};
	struct ahci *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->vm = vm;
	pthread_mutex_init(&h->lock, NULL);
	pci_dev_init(&h->pci, vm, "ahci", &ops, 0x8086, 0x2922, 0x010601, 2);
	pci_add_bar(&h->pci, BAR, BAR_SIZE, false, false);
	pci_add_intx(&h->pci);
	if (pci_add_msi(&h->pci) < 0 || pci_plug(&vm->pci, &h->pci, false) < 0) {
		free(h);
		return NULL;
	}
	return h;
}

void
ahci_free(struct ahci *h)
{
	pci_unplug(&h->vm->pci, &h->pci);
	free(h);
}

void
ahci_reset(struct ahci *h)
{
	reset_registers(h);
}

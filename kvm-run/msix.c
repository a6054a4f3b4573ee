/* SPDX-License-Identifier: ISC */
/*
 * MSI-X (PCI 3.0, 6.8.2). A device always signals by its vector's eventfd. While the vector may be delivered the eventfd
 * is an irqfd; while it is masked it just counts, which is the pending bit, and KVM delivers it when it is assigned again.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/irq.h"
#include "kvm-run/msix.h"

#define CAP_MSIX 0x11
#define CTRL_ENABLE 0x80 /* high byte of message control */
#define CTRL_MASK_ALL 0x40
#define MSIX_LEN 12
#define TABLE 4 /* dwords of offset with the BAR in the low bits; then the pending bits' */
#define PBA 8
#define BIR 7
#define ENTRY 16
#define ENTRY_MASKED 1
#define OWN_PBA 0x800 /* pending bits of devices of ours, from the start of the BAR */

static void
vectors_free(struct pci_dev *d)
{
	for (unsigned i = 0; i < d->nvectors; i++) {
		if (d->vectors[i].fd >= 0)
			close(d->vectors[i].fd);
		if (d->vectors[i].gsi)
			irq_msi_free(d->vm, d->vectors[i].gsi);
	}
	free(d->vectors);
	d->vectors = NULL;
	d->nvectors = 0;
}

/* Where table or pending bits are, as the capability tells. */
static uint64_t
place(const struct pci_dev *d, unsigned reg, unsigned *bar)
{
	uint32_t v;

	memcpy(&v, &d->config[d->msix_cap + reg], sizeof(v));
	*bar = v & BIR;
	return v & ~(uint32_t)BIR;
}

int
pci_use_msix(struct pci_dev *d, unsigned cap)
{
	unsigned n = 1 + (d->config[cap + 2] | (d->config[cap + 3] & 7U) << 8);

	d->vectors = calloc(n, sizeof(*d->vectors));
	if (!d->vectors)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		d->vectors[i] = (struct msix_vector){.ctrl = ENTRY_MASKED, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
		if (d->vectors[i].fd < 0) {
			int err = -errno;

			vectors_free(d);
			return err;
		}
		d->nvectors = i + 1;
	}
	d->msix_cap = cap;
	d->msix_table = place(d, TABLE, &d->msix_bar);
	d->pba = place(d, PBA, &d->pba_bar);
	d->wmask[cap + 3] = CTRL_ENABLE | CTRL_MASK_ALL;
	return 0;
}

int
pci_add_msix(struct pci_dev *d, unsigned bar, unsigned n)
{
	uint8_t body[MSIX_LEN] = {0, 0, (uint8_t)(n - 1), 0, (uint8_t)bar, 0, 0, 0, (uint8_t)bar, OWN_PBA >> 8, 0, 0};

	return pci_use_msix(d, pci_add_cap(d, CAP_MSIX, body, sizeof(body)));
}

bool
pci_msix_at(const struct pci_dev *d, unsigned bar, uint64_t off)
{
	return d->nvectors && ((bar == d->msix_bar && off - d->msix_table < pci_msix_table_len(d)) ||
	    (bar == d->pba_bar && off - d->pba < pci_msix_pba_len(d)));
}

/* A route of its own, from when it is first needed: few vectors of many are. */
static int
arm(struct pci_dev *d, struct msix_vector *v)
{
	int gsi = v->gsi ? (int)v->gsi : irq_msi_alloc(d->vm);

	if (gsi < 0)
		return gsi;
	v->gsi = (uint32_t)gsi;
	return irq_msi_arm(d->vm, v->gsi, v->fd, v->addr, v->data);
}

/* Assigns or takes away the irqfd as the masks now say; `changed`: the message is another one. */
static void
update(struct pci_dev *d, struct msix_vector *v, bool changed)
{
	uint8_t ctrl = d->config[d->msix_cap + 3];
	bool want = (ctrl & CTRL_ENABLE) && !(ctrl & CTRL_MASK_ALL) && !(v->ctrl & ENTRY_MASKED);

	if (v->armed && (!want || changed)) {
		irq_msi_disarm(d->vm, v->gsi, v->fd);
		v->armed = false;
	}
	if (want && !v->armed) {
		int err = arm(d, v);

		v->armed = !err;
		if (err && !d->msix_failed)
			warn("%s: interrupts are lost: %s", d->id, strerror(-err));
		d->msix_failed |= err != 0;
	}
}

void
msix_update(struct pci_dev *d)
{
	for (unsigned i = 0; i < d->nvectors; i++)
		update(d, &d->vectors[i], false);
}

/* The pending bits of 32 vectors from `first` on. */
static uint32_t
pending(const struct pci_dev *d, unsigned first)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 32 && first + i < d->nvectors; i++) {
		const struct msix_vector *v = &d->vectors[first + i];
		struct pollfd p = {.fd = v->fd, .events = POLLIN};

		if (!v->armed && poll(&p, 1, 0) == 1)
			bits |= 1U << i;
	}
	return bits;
}

/* One dword of the table; PCI 3.0 allows aligned dword and qword accesses only. */
static void
access_dword(struct pci_dev *d, uint64_t off, uint32_t *data, bool write)
{
	struct msix_vector *v = &d->vectors[off / ENTRY];
	uint32_t words[4] = {(uint32_t)v->addr, (uint32_t)(v->addr >> 32), v->data, v->ctrl};
	unsigned word = off % ENTRY / 4;
	bool changed;

	if (!write) {
		*data = words[word];
		return;
	}
	changed = word < 3 && words[word] != *data;
	words[word] = *data;
	v->addr = (uint64_t)words[1] << 32 | words[0];
	v->data = words[2];
	v->ctrl = words[3] & ENTRY_MASKED;
	update(d, v, changed);
}

void
msix_access(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	uint64_t entry = off - d->msix_table, bit = off - d->pba;

	if ((off | len) & 3)
		return;
	for (unsigned i = 0; i < len; i += 4, entry += 4, bit += 4) {
		uint32_t word;

		memcpy(&word, (char *)data + i, 4);
		if (bar == d->msix_bar && entry < pci_msix_table_len(d))
			access_dword(d, entry, &word, write);
		else if (!write)
			word = bar == d->pba_bar && bit < d->nvectors ? pending(d, (unsigned)bit * 8) : 0;
		memcpy((char *)data + i, &word, 4);
	}
}

void
msix_fire(struct pci_dev *d, unsigned v)
{
	if (v < d->nvectors)
		eventfd_write(d->vectors[v].fd, 1);
}

void
msix_reset(struct pci_dev *d)
{
	eventfd_t count;

	if (!d->msix_cap)
		return;
	for (unsigned i = 0; i < d->nvectors; i++) {
		struct msix_vector *v = &d->vectors[i];

		v->addr = v->data = 0;
		v->ctrl = ENTRY_MASKED;
		update(d, v, false);
		eventfd_read(v->fd, &count);
	}
}

void
msix_done(struct pci_dev *d)
{
	msix_reset(d);
	vectors_free(d);
}

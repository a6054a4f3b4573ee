/* SPDX-License-Identifier: ISC */
/* PCI bus 0; the contracts are in pci.h. Register offsets are those of PCI 3.0, chapter 6. */
#include <errno.h>
#include <string.h>

#include "kvm-run/lpc.h"
#include "kvm-run/msix.h"
#include "kvm-run/pci_bar.h"
#include "kvm-run/pci_irq.h"
#include "kvm-run/vm.h"

#define CFG_STATUS 0x06
#define CFG_SUBSYSTEM 0x2c
#define CFG_CAPS 0x34
#define CMD_MASTER 0x04
#define CMD_NO_INTX 0x0400
#define STATUS_CAPS 0x10

static void
put16(struct pci_dev *d, unsigned off, uint16_t v)
{
	memcpy(&d->config[off], &v, 2);
}

static void
put32(struct pci_dev *d, unsigned off, uint32_t v)
{
	memcpy(&d->config[off], &v, 4);
}

void
pci_dev_init(struct pci_dev *d, struct vm *vm, const char *id, const struct pci_ops *ops, uint16_t vendor,
    uint16_t device, uint32_t class_code, uint8_t revision)
{
	memset(d, 0, sizeof(*d));
	d->id = id;
	d->ops = ops;
	d->vm = vm;
	d->slot = -1;
	put16(d, 0, vendor);
	put16(d, 2, device);
	put32(d, 8, class_code << 8 | revision);
	put16(d, CFG_SUBSYSTEM, 0x1af4); /* as QEMU's devices: guests know what they are in */
	put16(d, CFG_SUBSYSTEM + 2, 0x1100);
	d->wmask[CFG_COMMAND] = CMD_MEMORY | CMD_MASTER;
	d->wmask[CFG_COMMAND + 1] = CMD_NO_INTX >> 8;
	d->wmask[0x3c] = 0xff; /* interrupt line: software's scratch */
	d->cap_end = 0x40;
}

unsigned
pci_add_cap(struct pci_dev *d, uint8_t cap_id, const void *body, unsigned len)
{
	unsigned off = d->cap_end;

	memcpy(&d->config[off], body, len);
	d->config[off] = cap_id;
	d->config[off + 1] = 0;
	d->config[d->cap_last ? d->cap_last + 1 : CFG_CAPS] = (uint8_t)off;
	d->config[CFG_STATUS] |= STATUS_CAPS;
	d->cap_last = off;
	d->cap_end = (off + len + 3) & ~3U;
	return off;
}

static void
config_write(struct pci_bus *b, struct pci_dev *d, unsigned off, const uint8_t *data, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		uint8_t mask = d->wmask[off + i];

		d->config[off + i] = (uint8_t)((d->config[off + i] & ~mask) | (data[i] & mask));
	}
	if (off < CFG_ROM + 4 && off + len > CFG_COMMAND)
		pci_update_bars(b, d);
	if (d->msix_cap && off <= d->msix_cap + 3 && off + len > d->msix_cap + 3)
		msix_update(d);
	pci_irq_written(b, d, off, len);
	if (d->ops->config_written)
		d->ops->config_written(d, off, len);
}

/* An access to the 4 KiB of configuration space of a function; all ones where nothing is. */
static void
config_access(struct pci_bus *b, unsigned slot, unsigned function, unsigned off, void *data, unsigned len, bool write)
{
	struct pci_dev *d = function ? NULL : __atomic_load_n(&b->slots[slot], __ATOMIC_ACQUIRE);

	if (!d)
		return;
	pthread_mutex_lock(&b->lock);
	if (off + len > sizeof(d->config)) {
		if (!write)
			memset(data, 0, len); /* no extended capabilities */
		if (off >= sizeof(d->config) && d->ops->config_extended)
			d->ops->config_extended(d, off, data, len, write);
	} else if (write) {
		config_write(b, d, off, data, len);
	} else {
		if (d->ops->config_read)
			d->ops->config_read(d, off, len);
		memcpy(data, &d->config[off], len);
		pci_irq_status(d, off, data, len);
	}
	pthread_mutex_unlock(&b->lock);
}

static void
ecam_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	unsigned reg = off & 0xfff;

	if (reg + len <= 0x1000)
		config_access(dev, off >> 15 & 31, off >> 12 & 7, reg, data, len, write);
}

/* Configuration mechanism #1: the address register (dwords only) and a window of 4 bytes on the register it names. */
static void
cf8_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct pci_bus *b = dev;
	uint32_t addr = __atomic_load_n(&b->cf8, __ATOMIC_RELAXED);

	if (off < 4) {
		if (off == 0 && len == 4 && write)
			__atomic_store_n(&b->cf8, *(uint32_t *)data & 0x80fffffcU, __ATOMIC_RELAXED);
		else if (off == 0 && len == 4)
			memcpy(data, &addr, 4);
		else if (off == 1 && len == 1)
			lpc_reset_control(b->vm, data, write);
		return;
	}
	if ((addr & 0x80000000U) && !(addr >> 16 & 0xff)) /* bus 0 only */
		config_access(b, addr >> 11 & 31, addr >> 8 & 7, (addr & 0xfc) + (unsigned)(off - 4), data, len, write);
}

/* The q35 host bridge: its registers are stored and mean nothing here (boot-time RAM is always writable). */
static void
init_host_bridge(struct pci_bus *b, struct vm *vm)
{
	static const struct pci_ops ops = {0};
	struct pci_dev *d = &b->host_bridge;

	pci_dev_init(d, vm, "host-bridge", &ops, 0x8086, 0x29c0, 0x060000, 0);
	put32(d, 0x60, (uint32_t)PCI_ECAM_BASE | 1); /* PCIEXBAR: enabled, 256 MiB */
	memset(&d->wmask[0x60], 0xff, 8);
	d->config[0x90] = 0x10; /* PAM0: the BIOS area is RAM already */
	memset(&d->wmask[0x90], 0xff, 7);
	d->slot = 0;
	pci_plug(b, d, false);
}

void
pci_init(struct pci_bus *b, struct vm *vm)
{
	b->vm = vm;
	pthread_mutex_init(&b->lock, NULL);
	pthread_mutex_init(&b->irq_lock, NULL);
	bus_add(&vm->ports, 0xcf8, 8, cf8_access, b);
	bus_add(&vm->mmio, PCI_ECAM_BASE, 1 << 20, ecam_access, b);
	pci_init_windows(b);
	init_host_bridge(b, vm);
}

static int
free_slot(const struct pci_bus *b, bool hot)
{
	for (int slot = 1; slot < PCI_SLOTS; slot++)
		if (!b->slots[slot] && hot == !!(b->hot_slots & 1U << slot) && slot != PCI_LPC_SLOT)
			return slot;
	return -ENOSPC;
}

bool
pci_room(const struct pci_bus *b)
{
	return free_slot(b, false) > 0;
}

int
pci_plug(struct pci_bus *b, struct pci_dev *d, bool hot)
{
	int slot = d->slot >= 0 ? d->slot : free_slot(b, hot);

	if (slot < 0)
		return slot;
	if (!pci_place_bars(b, d, slot))
		return -ENOSPC;
	d->slot = slot;
	memcpy(d->fresh, d->config, sizeof(d->fresh));
	pthread_mutex_lock(&b->lock);
	__atomic_store_n(&b->slots[slot], d, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&b->lock);
	return slot;
}

struct pci_dev *
pci_find(struct pci_bus *b, const char *id)
{
	for (unsigned slot = 1; slot < PCI_LPC_SLOT; slot++)
		if (b->slots[slot] && !strcmp(b->slots[slot]->id, id))
			return b->slots[slot];
	return NULL;
}

static void
dev_reset(struct pci_bus *b, struct pci_dev *d)
{
	memcpy(d->config, d->fresh, sizeof(d->config));
	pci_update_bars(b, d);
	msix_reset(d);
	pci_irq_reset(b, d);
}

void
pci_dev_done(struct pci_dev *d)
{
	msix_done(d);
	pci_irq_done(d);
}

void
pci_unplug(struct pci_bus *b, struct pci_dev *d)
{
	pthread_mutex_lock(&b->lock);
	dev_reset(b, d);
	__atomic_store_n(&b->slots[d->slot], NULL, __ATOMIC_RELEASE);
	pci_dev_done(d);
	pthread_mutex_unlock(&b->lock);
}

void
pci_reset(struct pci_bus *b)
{
	pthread_mutex_lock(&b->lock);
	b->cf8 = 0;
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
		if (b->slots[slot])
			dev_reset(b, b->slots[slot]);
	pthread_mutex_unlock(&b->lock);
}

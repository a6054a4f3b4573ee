/* SPDX-License-Identifier: ISC */
/* PCI bus 0; the contracts are in pci.h. Register offsets are those of PCI 3.0, chapter 6. */
#include <errno.h>
#include <string.h>

#include "kvm-run/lpc.h"
#include "kvm-run/msix.h"
#include "kvm-run/vm.h"

#define CFG_COMMAND 0x04
#define CFG_STATUS 0x06
#define CFG_BAR0 0x10
#define CFG_SUBSYSTEM 0x2c
#define CFG_CAPS 0x34
#define CMD_MEMORY 0x02
#define CMD_MASTER 0x04
#define CMD_NO_INTX 0x0400
#define STATUS_CAPS 0x10
#define BAR_64 0x04
#define BAR_PREFETCH 0x08

#define SMALL_BARS_PER_SLOT (1ULL << 20) /* of the 32-bit window, so that small BARs have fixed homes */

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

void
pci_add_bar(struct pci_dev *d, unsigned bar, uint64_t size, bool is64, bool prefetch)
{
	uint64_t mask = ~(size - 1);
	unsigned off = CFG_BAR0 + 4 * bar;

	d->bars[bar] = (struct pci_bar){.size = size, .is64 = is64, .prefetch = prefetch};
	memcpy(&d->wmask[off], &mask, is64 ? 8 : 4);
	d->wmask[off] &= 0xf0;
	d->config[off] = (is64 ? BAR_64 : 0) | (prefetch ? BAR_PREFETCH : 0);
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

static uint64_t
bar_address(const struct pci_dev *d, unsigned bar)
{
	uint64_t addr = 0;

	memcpy(&addr, &d->config[CFG_BAR0 + 4 * bar], d->bars[bar].is64 ? 8 : 4);
	return addr & ~0xfULL;
}

static bool
in_window(const struct pci_bus *b, uint64_t addr, uint64_t size)
{
	return (addr >= PCI_WINDOW32 && addr < PCI_WINDOW32_END && size <= PCI_WINDOW32_END - addr) ||
	    (addr >= b->window64 && addr - b->window64 < PCI_WINDOW64_SIZE &&
		size <= PCI_WINDOW64_SIZE - (addr - b->window64));
}

/* Makes the BARs decode where command and address registers now say. */
static void
update_bars(struct pci_bus *b, struct pci_dev *d)
{
	bool enabled = d->config[CFG_COMMAND] & CMD_MEMORY;

	for (unsigned i = 0; i < PCI_BARS; i++) {
		struct pci_bar *bar = &d->bars[i];
		uint64_t addr = enabled && bar->size ? bar_address(d, i) : 0;

		if (addr && !in_window(b, addr, bar->size))
			addr = 0;
		if (addr == bar->mapped)
			continue;
		if (bar->mapped && d->ops->bar_mapped)
			d->ops->bar_mapped(d, i, bar->mapped, false);
		/* Other vCPUs look it up meanwhile, without the lock. */
		__atomic_store_n(&bar->mapped, addr, __ATOMIC_RELEASE);
		if (addr && d->ops->bar_mapped)
			d->ops->bar_mapped(d, i, addr, true);
	}
}

static void
config_write(struct pci_bus *b, struct pci_dev *d, unsigned off, const uint8_t *data, unsigned len)
{
	for (unsigned i = 0; i < len; i++) {
		uint8_t mask = d->wmask[off + i];

		d->config[off + i] = (uint8_t)((d->config[off + i] & ~mask) | (data[i] & mask));
	}
	if (off < CFG_BAR0 + 4 * PCI_BARS && off + len > CFG_COMMAND)
		update_bars(b, d);
	if (d->msix_cap && off <= d->msix_cap + 3 && off + len > d->msix_cap + 3)
		msix_update(d);
	if (off >= 0x40 && d->ops->config_written)
		d->ops->config_written(d, off, len);
}

/* An access to the 4 KiB of configuration space of a function; all ones where nothing is. */
static void
config_access(struct pci_bus *b, unsigned slot, unsigned function, unsigned off, void *data, unsigned len, bool write)
{
	struct pci_dev *d = function ? NULL : __atomic_load_n(&b->slots[slot], __ATOMIC_ACQUIRE);

	if (!d)
		return;
	if (off + len > sizeof(d->config)) {
		if (!write)
			memset(data, 0, len); /* no extended capabilities */
		return;
	}
	pthread_mutex_lock(&b->lock);
	if (write) {
		config_write(b, d, off, data, len);
	} else {
		if (off >= 0x40 && d->ops->config_read)
			d->ops->config_read(d, off, len);
		memcpy(data, &d->config[off], len);
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

/* Both windows: whichever BAR decodes there. Slots and BARs are read without the lock; unplugging stops the vCPUs. */
static void
bar_access(struct pci_bus *b, uint64_t addr, void *data, unsigned len, bool write)
{
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		struct pci_dev *d = __atomic_load_n(&b->slots[slot], __ATOMIC_ACQUIRE);

		for (unsigned i = 0; d && i < PCI_BARS; i++) {
			uint64_t at = __atomic_load_n(&d->bars[i].mapped, __ATOMIC_ACQUIRE);

			if (!at || addr < at || addr - at >= d->bars[i].size || len > d->bars[i].size - (addr - at))
				continue;
			if (d->nvectors && i == d->msix_bar && addr - at < MSIX_SIZE) {
				pthread_mutex_lock(&b->lock);
				msix_access(d, addr - at, data, len, write);
				pthread_mutex_unlock(&b->lock);
			} else {
				d->ops->bar_access(d, i, addr - at, data, len, write);
			}
			return;
		}
	}
}

static void
window32_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	bar_access(dev, PCI_WINDOW32 + off, data, len, write);
}

static void
window64_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct pci_bus *b = dev;

	bar_access(b, b->window64 + off, data, len, write);
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
	uint64_t top = MEM_HIGH_START + vm->mem.high_size, align = 1ULL << 30;

	b->vm = vm;
	pthread_mutex_init(&b->lock, NULL);
	b->next32 = PCI_WINDOW32 + PCI_SLOTS * SMALL_BARS_PER_SLOT;
	b->window64 = b->next64 = (top + align - 1) & ~(align - 1);
	bus_add(&vm->ports, 0xcf8, 8, cf8_access, b);
	bus_add(&vm->mmio, PCI_ECAM_BASE, 1 << 20, ecam_access, b);
	bus_add(&vm->mmio, PCI_WINDOW32, PCI_WINDOW32_END - PCI_WINDOW32, window32_access, b);
	bus_add(&vm->mmio, b->window64, PCI_WINDOW64_SIZE, window64_access, b);
	init_host_bridge(b, vm);
}

/* Gives a BAR its first address: small ones in the slot's own mebibyte, large ones from a rising mark. */
static bool
place_bar(struct pci_bus *b, struct pci_dev *d, unsigned i, uint64_t *small)
{
	struct pci_bar *bar = &d->bars[i];
	uint64_t *mark = bar->size <= SMALL_BARS_PER_SLOT / 2 ? small : bar->is64 ? &b->next64 : &b->next32;
	uint64_t addr = (*mark + bar->size - 1) & ~(bar->size - 1);

	if (!in_window(b, addr, bar->size))
		return false;
	*mark = addr + bar->size;
	addr |= d->config[CFG_BAR0 + 4 * i] & 0xf;
	memcpy(&d->config[CFG_BAR0 + 4 * i], &addr, bar->is64 ? 8 : 4);
	return true;
}

static int
free_slot(const struct pci_bus *b, bool hot)
{
	for (int slot = 1; slot < PCI_SLOTS; slot++)
		if (!b->slots[slot] && hot == !!(b->hot_slots & 1U << slot) && slot != PCI_LPC_SLOT)
			return slot;
	return -ENOSPC;
}

int
pci_plug(struct pci_bus *b, struct pci_dev *d, bool hot)
{
	int slot = d->slot >= 0 ? d->slot : free_slot(b, hot);
	uint64_t small;

	if (slot < 0)
		return slot;
	small = PCI_WINDOW32 + (uint64_t)slot * SMALL_BARS_PER_SLOT;
	for (unsigned i = 0; i < PCI_BARS; i++)
		if (d->bars[i].size && !place_bar(b, d, i, &small))
			return -ENOSPC;
	d->slot = slot;
	memcpy(d->fresh, d->config, sizeof(d->fresh));
	pthread_mutex_lock(&b->lock);
	__atomic_store_n(&b->slots[slot], d, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&b->lock);
	return slot;
}

static void
dev_reset(struct pci_bus *b, struct pci_dev *d)
{
	memcpy(d->config, d->fresh, sizeof(d->config));
	update_bars(b, d);
	msix_reset(d);
}

void
pci_unplug(struct pci_bus *b, struct pci_dev *d)
{
	pthread_mutex_lock(&b->lock);
	dev_reset(b, d);
	__atomic_store_n(&b->slots[d->slot], NULL, __ATOMIC_RELEASE);
	msix_done(d);
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

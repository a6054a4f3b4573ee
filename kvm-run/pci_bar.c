/* SPDX-License-Identifier: ISC */
/*
 * The windows of PCI bus 0 and the BARs in them (PCI 3.0, 6.2.5): at start each has an address, so that no firmware is
 * needed; firmware and the guest may move them within the windows.
 */
#include <linux/kvm.h>
#include <string.h>

#include "kvm-run/lpc.h"
#include "kvm-run/memslot.h"
#include "kvm-run/msix.h"
#include "kvm-run/pci_bar.h"
#include "kvm-run/vm.h"

#define BAR_IO 0x01
#define BAR_64 0x04
#define BAR_PREFETCH 0x08
#define ROM_ENABLE 0x01

#define SMALL_BARS_PER_SLOT (1ULL << 20) /* of the 32-bit window, so that small BARs have fixed homes */

/* Ports: SeaBIOS uses those from 0xc000 on, and if they do not suffice all of them; so does OVMF from 0x6000 on. */
#define WINDOW_IO 0x1000
#define WINDOW_IO_HOME 0xc000
#define WINDOW_IO_END 0x10000

static unsigned
bar_offset(unsigned bar)
{
	return bar == PCI_ROM ? CFG_ROM : CFG_BAR0 + 4 * bar;
}

void
pci_add_bar(struct pci_dev *d, unsigned bar, uint64_t size, bool is64, bool prefetch)
{
	uint64_t mask = ~(size - 1);
	unsigned off = bar_offset(bar);

	d->bars[bar] = (struct pci_bar){.size = size, .is64 = is64, .prefetch = prefetch};
	memcpy(&d->wmask[off], &mask, is64 ? 8 : 4);
	d->wmask[off] &= 0xf0;
	d->config[off] = (is64 ? BAR_64 : 0) | (prefetch ? BAR_PREFETCH : 0);
}

void
pci_add_io_bar(struct pci_dev *d, unsigned bar, uint32_t size)
{
	uint32_t mask = ~(size - 1); /* of all 32 bits: SeaBIOS takes the size from them */
	unsigned off = bar_offset(bar);

	d->bars[bar] = (struct pci_bar){.size = size, .io = true};
	memcpy(&d->wmask[off], &mask, 4);
	d->config[off] = BAR_IO;
	d->wmask[CFG_COMMAND] |= CMD_IO;
}

void
pci_add_rom(struct pci_dev *d, void *bytes, uint32_t size)
{
	uint32_t mask = ~(size - 1) | ROM_ENABLE;

	d->bars[PCI_ROM] = (struct pci_bar){.size = size};
	memcpy(&d->wmask[CFG_ROM], &mask, 4);
	d->rom = bytes;
}

static uint64_t
bar_address(const struct pci_dev *d, unsigned bar)
{
	const struct pci_bar *b = &d->bars[bar];
	uint64_t addr = 0;

	memcpy(&addr, &d->config[bar_offset(bar)], b->is64 ? 8 : 4);
	return addr & ~(b->io ? 3ULL : bar == PCI_ROM ? 0x7ffULL : 0xfULL);
}

/* Where the BAR is to decode, as its registers have it: 0 when it is switched off. */
static uint64_t
wanted_address(const struct pci_dev *d, unsigned bar)
{
	const struct pci_bar *b = &d->bars[bar];

	if (!b->size || !(d->config[CFG_COMMAND] & (b->io ? CMD_IO : CMD_MEMORY)))
		return 0;
	if (bar == PCI_ROM && !(d->config[CFG_ROM] & ROM_ENABLE))
		return 0;
	return bar_address(d, bar);
}

static bool
within(uint64_t addr, uint64_t size, uint64_t start, uint64_t end)
{
	return addr >= start && addr < end && size <= end - addr;
}

static bool
in_window(const struct pci_bus *b, const struct pci_bar *bar, uint64_t addr)
{
	if (bar->io)
		return within(addr, bar->size, WINDOW_IO, WINDOW_IO_END);
	return within(addr, bar->size, PCI_WINDOW32, PCI_WINDOW32_END) ||
	    within(addr, bar->size, b->window64, b->window64 + PCI_WINDOW64_SIZE);
}

/* The guest reads a ROM as memory. Where KVM refuses (it lies on another one) it reads all ones. */
static void
show_rom(struct pci_dev *d, uint64_t gpa, bool mapped)
{
	if (mapped && d->ops->rom_mapped)
		d->ops->rom_mapped(d);
	vm_map(d->vm, MEM_SLOT_ROM + (unsigned)d->slot, gpa, mapped ? d->bars[PCI_ROM].size : 0, d->rom, KVM_MEM_READONLY);
}

static void
tell(struct pci_dev *d, unsigned bar, uint64_t gpa, bool mapped)
{
	if (bar == PCI_ROM)
		show_rom(d, gpa, mapped);
	else if (d->ops->bar_mapped)
		d->ops->bar_mapped(d, bar, gpa, mapped);
}

void
pci_update_bars(struct pci_bus *b, struct pci_dev *d)
{
	for (unsigned i = 0; i < PCI_BARS; i++) {
		struct pci_bar *bar = &d->bars[i];
		uint64_t addr = wanted_address(d, i);

		if (addr && !in_window(b, bar, addr))
			addr = 0;
		if (addr == bar->mapped)
			continue;
		if (bar->mapped)
			tell(d, i, bar->mapped, false);
		/* Other vCPUs look it up meanwhile, without the lock. */
		__atomic_store_n(&bar->mapped, addr, __ATOMIC_RELEASE);
		if (addr)
			tell(d, i, addr, true);
	}
}

static void
bar_access(struct pci_bus *b, struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	if (pci_msix_at(d, bar, off)) {
		pthread_mutex_lock(&b->lock);
		msix_access(d, bar, off, data, len, write);
		pthread_mutex_unlock(&b->lock);
	} else if (bar != PCI_ROM) {
		d->ops->bar_access(d, bar, off, data, len, write);
	}
}

/* Whichever BAR decodes there. Slots and BARs are read without the lock; unplugging stops the vCPUs. */
static void
window_access(struct pci_bus *b, uint64_t addr, void *data, unsigned len, bool write, bool io)
{
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		struct pci_dev *d = __atomic_load_n(&b->slots[slot], __ATOMIC_ACQUIRE);

		for (unsigned i = 0; d && i < PCI_BARS; i++) {
			const struct pci_bar *bar = &d->bars[i];
			uint64_t at = __atomic_load_n(&bar->mapped, __ATOMIC_ACQUIRE);

			if (at && bar->io == io && within(addr, len, at, at + bar->size)) {
				bar_access(b, d, i, addr - at, data, len, write);
				return;
			}
		}
	}
}

static void
window32_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	window_access(dev, PCI_WINDOW32 + off, data, len, write, false);
}

static void
window64_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct pci_bus *b = dev;

	window_access(b, b->window64 + off, data, len, write, false);
}

static void
io_low_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	window_access(dev, WINDOW_IO + off, data, len, write, true);
}

static void
io_high_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	window_access(dev, LPC_HOTPLUG_BASE + LPC_HOTPLUG_SIZE + off, data, len, write, true);
}

void
pci_init_windows(struct pci_bus *b)
{
	const struct guest_mem *m = &b->vm->mem;
	uint64_t top = m->hot.size ? m->hot.start + m->hot.size : MEM_HIGH_START + m->high_size, align = 1ULL << 30;
	unsigned high = LPC_HOTPLUG_BASE + LPC_HOTPLUG_SIZE; /* those ports are in the middle, and not on this bus */

	b->next32 = PCI_WINDOW32 + PCI_SLOTS * SMALL_BARS_PER_SLOT;
	b->window64 = b->next64 = (top + align - 1) & ~(align - 1);
	b->next_io = WINDOW_IO_HOME;
	bus_add(&b->vm->ports, WINDOW_IO, LPC_HOTPLUG_BASE - WINDOW_IO, io_low_access, b);
	bus_add(&b->vm->ports, high, WINDOW_IO_END - high, io_high_access, b);
	bus_add(&b->vm->mmio, PCI_WINDOW32, PCI_WINDOW32_END - PCI_WINDOW32, window32_access, b);
	bus_add(&b->vm->mmio, b->window64, PCI_WINDOW64_SIZE, window64_access, b);
}

/* Ports and large BARs follow a rising mark, small ones are in the slot's own mebibyte. */
static uint64_t *
mark_for(struct pci_bus *b, const struct pci_bar *bar, uint64_t *small)
{
	if (bar->io)
		return &b->next_io;
	if (bar->size <= SMALL_BARS_PER_SLOT / 2)
		return small;
	return bar->is64 ? &b->next64 : &b->next32;
}

static bool
place(struct pci_bus *b, struct pci_dev *d, unsigned i, uint64_t *small)
{
	struct pci_bar *bar = &d->bars[i];
	uint64_t *mark = mark_for(b, bar, small);
	uint64_t addr = (*mark + bar->size - 1) & ~(bar->size - 1);

	if (!in_window(b, bar, addr))
		return false;
	*mark = addr + bar->size;
	addr |= d->config[bar_offset(i)] & 0xf;
	memcpy(&d->config[bar_offset(i)], &addr, bar->is64 ? 8 : 4);
	return true;
}

bool
pci_place_bars(struct pci_bus *b, struct pci_dev *d, int slot)
{
	uint64_t small = PCI_WINDOW32 + (uint64_t)slot * SMALL_BARS_PER_SLOT;

	for (unsigned i = 0; i < PCI_ROM; i++)
		if (d->bars[i].size && !place(b, d, i, &small))
			return false;
	return true;
}

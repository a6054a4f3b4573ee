/* SPDX-License-Identifier: ISC */
/* The VGA as a PCI device, and its ports; the contracts are in vga.h and vga_dev.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/util.h"
#include "kvm-run/edid.h"
#include "kvm-run/iothread.h"
#include "kvm-run/vga_dev.h"
#include "kvm-run/vm.h"

/* The second BAR: EDID, the ports 3C0 to 3DF, DISPI's registers of 2 bytes, and two of QEMU's own. */
#define REGS_BAR 2
#define REGS_SIZE 0x1000
#define REGS_EDID_END 0x400
#define REGS_PORTS 0x400
#define REGS_PORTS_LEN 0x20
#define REGS_DISPI 0x500
#define REGS_EXTRA 0x600
#define EXTRA_LEN 8 /* its first register */
#define EXTRA_BYTE_ORDER 4

#define MEMORY_SIZE (VGA_VRAM_SIZE + VGA_TEXT_SIZE + 4 * VGA_PLANE_SIZE)
#define PCI_COMMAND 4
#define PCI_COMMAND_IO 1
#define WIDTH_DEFAULT 1024
#define HEIGHT_DEFAULT 768

static void
ports_access(struct vga *v, unsigned port, uint8_t *data, unsigned len, bool write)
{
	for (unsigned i = 0; i < len; i++)
		if (write)
			vga_port_write(v, port + i, data[i]);
		else
			data[i] = vga_port_read(v, port + i);
}

static void
vga_ports(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct vga *v = dev;

	pthread_mutex_lock(&v->lock);
	ports_access(v, VGA_PORTS + (unsigned)off, data, len, write);
	pthread_mutex_unlock(&v->lock);
}

/* The index, and behind it the data: at 1CF, which no other bus than ours likes, and at 1D0. Words only. */
static void
dispi_ports(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct vga *v = dev;
	uint16_t value;

	if (len != 2)
		return;
	memcpy(&value, data, 2);
	pthread_mutex_lock(&v->lock);
	if (!off && write)
		v->regs.dispi_index = value;
	else if (!off)
		value = v->regs.dispi_index;
	else if (write)
		dispi_write(v, v->regs.dispi_index, value);
	else
		value = dispi_read(v, v->regs.dispi_index);
	pthread_mutex_unlock(&v->lock);
	memcpy(data, &value, 2);
}

static void
extra_access(struct vga *v, unsigned off, void *data, unsigned len, bool write)
{
	uint32_t value = off ? v->regs.byte_order : EXTRA_LEN;

	if (len != 4 || off % 4)
		return;
	if (write && off == EXTRA_BYTE_ORDER)
		memcpy(&v->regs.byte_order, data, 4);
	else if (!write)
		memcpy(data, &value, 4);
}

static void
registers_access(struct vga *v, unsigned off, uint8_t *data, unsigned len, bool write)
{
	if (off < REGS_EDID_END) {
		for (unsigned i = 0; i < len && !write; i++)
			data[i] = off + i < sizeof(v->edid) ? v->edid[off + i] : 0;
	} else if (off < REGS_PORTS + REGS_PORTS_LEN && len <= REGS_PORTS + REGS_PORTS_LEN - off) {
		ports_access(v, 0x3c0 + off - REGS_PORTS, data, len, write);
	} else if (off >= REGS_DISPI && off < REGS_DISPI + 2 * DISPI_REGS && off % 2 == 0 && len == 2) {
		uint16_t value;

		memcpy(&value, data, 2);
		if (write)
			dispi_write(v, (off - REGS_DISPI) / 2, value);
		else
			value = dispi_read(v, (off - REGS_DISPI) / 2);
		memcpy(data, &value, 2);
	} else if (off >= REGS_EXTRA && off < REGS_EXTRA + EXTRA_LEN) {
		extra_access(v, off - REGS_EXTRA, data, len, write);
	}
}

static void
bar_access(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	struct vga *v = container_of(d, struct vga, pci);

	pthread_mutex_lock(&v->lock);
	if (bar == REGS_BAR) {
		registers_access(v, (unsigned)off, data, len, write);
	} else if (write) { /* linear memory, when the access was under way while it was being mapped */
		memcpy(v->vram + off, data, len);
		v->redraw = true;
	} else {
		memcpy(data, v->vram + off, len);
	}
	pthread_mutex_unlock(&v->lock);
}

static void
bar_mapped(struct pci_dev *d, unsigned bar, uint64_t gpa, bool mapped)
{
	struct vga *v = container_of(d, struct vga, pci);

	if (bar)
		return;
	pthread_mutex_lock(&v->lock);
	v->lfb = mapped ? gpa : 0;
	v->redraw = true;
	vga_slot(v, MEM_SLOT_VGA, gpa, v->vram, mapped ? VGA_VRAM_SIZE : 0);
	pthread_mutex_unlock(&v->lock);
}

static const struct pci_ops pci_ops = {.bar_access = bar_access, .bar_mapped = bar_mapped};

static void
on_watched(void *dev, bool on)
{
	struct vga *v = dev;

	pthread_mutex_lock(&v->lock);
	vga_logging(v, on);
	pthread_mutex_unlock(&v->lock);
}

/* Drivers read the EDID when they start: the next one finds the size that is wanted now. */
static void
on_resize(void *dev, uint32_t width, uint32_t height)
{
	struct vga *v = dev;

	pthread_mutex_lock(&v->lock);
	edid_make(v->edid, width & ~7U, height);
	pthread_mutex_unlock(&v->lock);
}

static const struct screen_ops screen_ops = {.refresh = vga_refresh, .watched = on_watched, .resize = on_resize};

static void
power_on(struct vga *v)
{
	vga_regs_reset(&v->regs);
	for (unsigned i = 0; i < VGA_TEXT_SIZE; i += 2)
		memcpy(v->text + i, " \x07", 2);
	memset(v->planes, 0, 4 * VGA_PLANE_SIZE);
	vga_font_load(v->planes + 2 * VGA_PLANE_SIZE);
	v->redraw = true;
	vga_window_update(v);
}

static void
reset(void *dev)
{
	struct vga *v = dev;

	pthread_mutex_lock(&v->lock);
	madvise(v->vram, VGA_VRAM_SIZE, MADV_DONTNEED); /* zeroes, without their memory */
	power_on(v);
	pthread_mutex_unlock(&v->lock);
}

static const char *
create_memory(struct vga *v)
{
	v->vram = mmap(NULL, MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (v->vram == MAP_FAILED)
		return strerror(errno);
	v->text = v->vram + VGA_VRAM_SIZE;
	v->planes = v->text + VGA_TEXT_SIZE;
	return screen_memory_create(&v->memory, VGA_TEXT_EXPORT + VGA_PICTURE_MAX);
}

static void
destroy(void *dev)
{
	struct vga *v = dev;

	pci_unplug(&v->vm->pci, &v->pci);
	screen_destroy(v->screen);
	screen_memory_destroy(&v->memory);
	munmap(v->vram, MEMORY_SIZE);
	free(v);
}

static const struct vm_device_ops device_ops = {.reset = reset, .remove = destroy};

/* PCI function and the addresses that a VGA has without being asked. */
static const char *
plug(struct vga *v, struct vm *vm, const char *id)
{
	pci_dev_init(&v->pci, vm, id, &pci_ops, 0x1234, 0x1111, 0x030000, 2);
	v->pci.wmask[PCI_COMMAND] |= PCI_COMMAND_IO; /* it has no BAR of ports, but firmware looks for this */
	pci_add_bar(&v->pci, 0, VGA_VRAM_SIZE, false, true);
	pci_add_bar(&v->pci, REGS_BAR, REGS_SIZE, false, false);
	bus_add(&vm->ports, VGA_PORTS, VGA_PORTS_LEN, vga_ports, v);
	bus_add(&vm->ports, DISPI_PORTS, DISPI_PORTS_LEN, dispi_ports, v);
	bus_add(&vm->mmio, VGA_WINDOW, VGA_WINDOW_END - VGA_WINDOW, vga_window_access, v);
	return pci_plug(&vm->pci, &v->pci, false) < 0 ? "no slot or no room on the PCI bus" : NULL;
}

const char *
vga_create(struct vm *vm, const struct wire *w, struct vm_device *d)
{
	struct vga *v = calloc(1, sizeof(*v));
	const char *why;

	if (!v)
		return strerror(errno);
	why = create_memory(v);
	if (why) {
		free(v);
		return why;
	}
	v->vm = vm;
	pthread_mutex_init(&v->lock, NULL);
	edid_make(v->edid, WIDTH_DEFAULT, HEIGHT_DEFAULT);
	why = plug(v, vm, d->id);
	power_on(v);
	if (!why)
		why = screen_create(vm, w, &screen_ops, v, &v->screen);
	if (why)
		return why;
	iothread_call(vm->io, vga_refresh, v);
	vm->vga = v;
	d->ops = &device_ops;
	d->dev = v;
	d->pci = &v->pci;
	return NULL;
}

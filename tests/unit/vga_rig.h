/* SPDX-License-Identifier: ISC */
/* A VGA without a machine: KVM's slots, its log of what is written to, and the display are played here. */
#ifndef TESTS_UNIT_VGA_RIG_H
#define TESTS_UNIT_VGA_RIG_H

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm-run/iothread.h"
#include "kvm-run/memslot.h"
#include "kvm-run/vga_dev.h"
#include "kvm-run/vm.h"
#include "tests/unit/pci_stub.h"
#include "tests/unit/thread_stub.h"

#define RIG_DAMAGES 4096

static struct vm rig_vm;
static struct vm_device rig_device;
static struct vga *rig_vga;
static struct fb_mode rig_mode;
static unsigned rig_modes, rig_maps;
static struct fb_rect rig_damage[RIG_DAMAGES];
static unsigned rig_damages;
static bool rig_no_log;
static struct rig_slot {
	uint64_t gpa, size, log[64];
	uint8_t *at;
	uint32_t flags;
} rig_slots[MEM_SLOT_ROM];

int
vm_map(struct vm *vm, unsigned slot, uint64_t gpa, uint64_t size, void *at, uint32_t flags)
{
	(void)vm;
	rig_maps++;
	rig_slots[slot] = (struct rig_slot){.gpa = gpa, .size = size, .at = at, .flags = flags};
	return 0;
}

int
ioctl(int fd, unsigned long request, ...)
{
	struct kvm_dirty_log *log;
	struct rig_slot *s;
	va_list ap;

	(void)fd;
	va_start(ap, request);
	log = va_arg(ap, struct kvm_dirty_log *);
	va_end(ap);
	s = &rig_slots[log->slot];
	errno = ENOENT;
	if (request != KVM_GET_DIRTY_LOG || rig_no_log || !(s->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return -1;
	memcpy(log->dirty_bitmap, s->log, (s->size / 4096 + 63) / 64 * 8);
	memset(s->log, 0, sizeof(s->log));
	return 0;
}

const char *
screen_create(struct vm *vm, const struct wire *w, const struct screen_ops *ops, void *dev, struct screen **out)
{
	(void)vm, (void)w, (void)ops, (void)dev;
	*out = NULL;
	return NULL;
}

void
screen_destroy(struct screen *s)
{
	(void)s;
}

void
screen_mode(struct screen *s, const struct fb_mode *m, int fd)
{
	(void)s, (void)fd;
	rig_mode = *m;
	rig_mode.kind = FB_MODE;
	rig_modes++;
}

void
screen_damage(struct screen *s, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	(void)s;
	if (rig_damages < RIG_DAMAGES)
		rig_damage[rig_damages++] = (struct fb_rect){(uint16_t)x, (uint16_t)y, (uint16_t)width, (uint16_t)height};
}

/* The machine's VGA, as after power-on. */
static inline void
rig_make(void)
{
	static const struct wire wire = {.kind = WIRE_FB};

	if (vga_create(&rig_vm, &wire, &rig_device))
		abort();
	rig_vga = rig_vm.vga;
}

/* The guest's accesses: to what a slot has there, else to the device. */
static inline void
rig_memory(uint64_t gpa, void *data, unsigned len, bool write)
{
	for (struct rig_slot *s = rig_slots; s < rig_slots + MEM_SLOT_ROM; s++) {
		if (gpa < s->gpa || gpa - s->gpa + len > s->size)
			continue;
		memcpy(write ? (void *)(s->at + (gpa - s->gpa)) : data, write ? data : (void *)(s->at + (gpa - s->gpa)), len);
		for (uint64_t page = (gpa - s->gpa) / 4096; write && page <= (gpa - s->gpa + len - 1) / 4096; page++)
			s->log[page / 64] |= 1ULL << page % 64;
		return;
	}
	bus_do(&rig_vm.mmio, gpa, data, len, write);
}

static inline void
rig_store(uint64_t gpa, uint32_t value, unsigned len)
{
	rig_memory(gpa, &value, len, true);
}

static inline uint32_t
rig_load(uint64_t gpa, unsigned len)
{
	uint32_t value = 0;

	rig_memory(gpa, &value, len, false);
	return value;
}

static inline void
rig_out(uint16_t port, uint32_t value, unsigned len)
{
	bus_do(&rig_vm.ports, port, &value, len, true);
}

static inline uint32_t
rig_in(uint16_t port, unsigned len)
{
	uint32_t value = 0;

	bus_do(&rig_vm.ports, port, &value, len, false);
	return value;
}

static inline void
rig_dispi(uint16_t reg, uint16_t value)
{
	rig_out(0x1ce, reg, 2);
	rig_out(0x1cf, value, 2);
}

static inline void
rig_look(void)
{
	rig_damages = 0;
	vga_refresh(rig_vga);
}

static inline uint32_t
rig_pixel(uint32_t x, uint32_t y)
{
	uint32_t p;

	memcpy(&p, rig_vga->memory.map + rig_mode.offset + (size_t)y * rig_mode.stride + 4 * x, 4);
	return p;
}

#endif

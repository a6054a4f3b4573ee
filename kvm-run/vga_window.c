/* SPDX-License-Identifier: ISC */
/*
 * The VGA's memory from A0000 to BFFFF. Text and linear memory are slots of the machine, so that the guest has them without
 * exits; planes are reached by accesses that end here, as fonts and 16-colour pictures need it.
 */
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm-run/memslot.h"
#include "kvm-run/vga_dev.h"
#include "kvm-run/vm.h"

#define WINDOW_LEN 0x10000U /* of linear memory at A0000 */
#define SEQ_CHAIN4 0x08	    /* of 4: four planes are one piece of linear memory */
#define SEQ_NO_ODD_EVEN 0x04
#define GFX_GRAPHICS 0x01 /* of 6 */

void
vga_slot(struct vga *v, unsigned slot, uint64_t gpa, void *at, uint32_t size)
{
	bool linear = (uint8_t *)at >= v->vram && (uint8_t *)at < v->vram + VGA_VRAM_SIZE;

	/* It fails where a guest puts the BAR onto something else: then accesses come to the device, one by one. */
	vm_map(v->vm, slot, gpa, size, at, v->logging && linear ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

/* Which of the four ranges within the window is decoded: its offset and length. */
static void
decoded(const struct vga_regs *r, uint32_t *off, uint32_t *len)
{
	static const uint32_t ranges[4][2] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
	const uint32_t *range = ranges[r->gfx[6] >> 2 & 3];

	*off = range[0];
	*len = range[1];
}

/* What is to be mapped, and where; 0 bytes when accesses are to come here. */
static uint32_t
wanted(struct vga *v, uint64_t *gpa, uint8_t **at)
{
	const struct vga_regs *r = &v->regs;
	uint32_t off, len;

	decoded(r, &off, &len);
	*gpa = VGA_WINDOW + off;
	if (dispi_linear(r) || (!dispi_enabled(r) && r->seq[4] & SEQ_CHAIN4 && !off)) {
		*gpa = VGA_WINDOW;
		*at = v->vram + (dispi_enabled(r) ? dispi_bank(r) : 0);
		return WINDOW_LEN;
	}
	*at = v->text;
	return off && !(r->gfx[6] & GFX_GRAPHICS) ? VGA_TEXT_SIZE : 0;
}

void
vga_window_update(struct vga *v)
{
	uint8_t *at;
	uint64_t gpa;
	uint32_t size = wanted(v, &gpa, &at);

	/* Text may stay where it is while a font is loaded at A0000: moving slots is dear. */
	if (!size && v->window_at == v->text)
		return;
	if (size == v->window_size && (!size || (gpa == v->window && at == v->window_at)))
		return;
	if (v->window_size)
		vga_slot(v, MEM_SLOT_VGA_WINDOW, v->window, v->window_at, 0);
	v->window = gpa;
	v->window_at = at;
	v->window_size = size;
	v->redraw = true; /* the slot's log is gone */
	if (size)
		vga_slot(v, MEM_SLOT_VGA_WINDOW, gpa, at, size);
}

static uint8_t *
plane(struct vga *v, unsigned i, uint32_t off)
{
	return v->planes + i * VGA_PLANE_SIZE + off;
}

static uint8_t
planes_read(struct vga *v, uint32_t off)
{
	struct vga_regs *r = &v->regs;
	bool odd_even = !(r->seq[4] & SEQ_NO_ODD_EVEN);
	uint8_t same = 0xff, odd = off & 1;

	if (odd_even)
		off &= ~1U;
	for (unsigned i = 0; i < 4; i++) {
		r->latch[i] = *plane(v, i, off);
		if (r->gfx[7] >> i & 1)
			same &= (uint8_t)(r->latch[i] ^ (r->gfx[2] >> i & 1 ? 0 : 0xff));
	}
	if (r->gfx[5] & 8) /* read mode 1: which pixels are of the colour to compare with */
		return same;
	return r->latch[odd_even ? (r->gfx[4] & 2) | odd : r->gfx[4] & 3];
}

static uint8_t
rotated(const struct vga_regs *r, uint8_t value)
{
	unsigned by = r->gfx[3] & 7;

	return (uint8_t)(value >> by | value << (8 - by));
}

static uint8_t
combined(const struct vga_regs *r, uint8_t value, uint8_t latch)
{
	switch (r->gfx[3] >> 3 & 3) {
	case 1:
		return value & latch;
	case 2:
		return value | latch;
	case 3:
		return value ^ latch;
	}
	return value;
}

static uint8_t
all_bits(bool on)
{
	return on ? 0xff : 0;
}

/* What write mode GR5 makes of the processor's byte for plane i. */
static uint8_t
to_plane(const struct vga_regs *r, unsigned i, uint8_t value)
{
	uint8_t mask = r->gfx[8], latch = r->latch[i], set = all_bits(r->gfx[0] >> i & 1);

	switch (r->gfx[5] & 3) {
	case 0:
		value = r->gfx[1] >> i & 1 ? set : rotated(r, value);
		break;
	case 1:
		return latch;
	case 2:
		value = all_bits(value >> i & 1);
		break;
	case 3:
		mask &= rotated(r, value);
		value = set;
		break;
	}
	return (uint8_t)((combined(r, value, latch) & mask) | (latch & ~mask));
}

static void
planes_write(struct vga *v, uint32_t off, uint8_t value)
{
	struct vga_regs *r = &v->regs;
	unsigned to = r->seq[2] & 15;

	if (!(r->seq[4] & SEQ_NO_ODD_EVEN)) {
		to &= off & 1 ? 0xa : 0x5;
		off &= ~1U;
	}
	for (unsigned i = 0; i < 4; i++)
		if (to >> i & 1)
			*plane(v, i, off) = to_plane(r, i, value);
	v->redraw = true;
}

static void
access_byte(struct vga *v, uint32_t off, uint8_t *data, bool write)
{
	uint64_t in_window = VGA_WINDOW + off - v->window;
	uint32_t first, len;

	decoded(&v->regs, &first, &len);
	if (v->window_size && in_window < v->window_size) { /* was under way when it was mapped */
		if (write)
			v->window_at[in_window] = *data;
		else
			*data = v->window_at[in_window];
	} else if (off < first || off - first >= len) {
		return;
	} else if (write) {
		planes_write(v, (off - first) % VGA_PLANE_SIZE, *data);
	} else {
		*data = planes_read(v, (off - first) % VGA_PLANE_SIZE);
	}
}

void
vga_window_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct vga *v = dev;

	pthread_mutex_lock(&v->lock);
	for (unsigned i = 0; i < len; i++)
		access_byte(v, (uint32_t)off + i, (uint8_t *)data + i, write);
	pthread_mutex_unlock(&v->lock);
}

void
vga_logging(struct vga *v, bool on)
{
	v->logging = on;
	v->redraw = true;
	if (v->lfb)
		vga_slot(v, MEM_SLOT_VGA, v->lfb, v->vram, VGA_VRAM_SIZE);
	if (v->window_size)
		vga_slot(v, MEM_SLOT_VGA_WINDOW, v->window, v->window_at, v->window_size);
}

static bool
get_log(struct vga *v, unsigned slot, uint64_t *bits)
{
	struct kvm_dirty_log log = {.slot = slot, .dirty_bitmap = bits};

	return ioctl(v->vm->fd, KVM_GET_DIRTY_LOG, &log) == 0;
}

bool
vga_dirty_pages(struct vga *v)
{
	uint64_t window[1] = {0};
	bool known = v->logging;

	memset(v->dirty, 0, sizeof(v->dirty));
	if (v->lfb)
		known &= get_log(v, MEM_SLOT_VGA, v->dirty);
	if (v->window_size && v->window_at != v->text) { /* 16 pages, which begin at a multiple of 16 */
		size_t first = (size_t)(v->window_at - v->vram) / 4096;

		known &= get_log(v, MEM_SLOT_VGA_WINDOW, window);
		v->dirty[first / 64] |= window[0] << first % 64;
	}
	return known;
}

/* SPDX-License-Identifier: ISC */
/* Bochs's display interface: pictures of any size in linear memory. As its vbe_display_api.txt has it. */
#include <string.h>

#include "kvm-run/vga_dev.h"

enum { ID, XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET, Y_OFFSET, MEMORY_64K };

#define ID_FIRST 0xb0c0
#define ID_LAST 0xb0c5
#define ENABLED 0x01
#define GET_LIMITS 0x02
#define DAC_8_BITS 0x20
#define NO_CLEAR 0x80
#define BPP_MAX 32
#define BPP_DEFAULT 8

void
dispi_reset(struct vga_regs *r)
{
	memset(r->dispi, 0, sizeof(r->dispi));
	r->dispi_index = 0;
	r->dispi[ID] = ID_LAST;
	r->dispi[BPP] = BPP_DEFAULT;
	r->byte_order = 0x1e1e1e1e; /* little endian */
}

bool
dispi_enabled(const struct vga_regs *r)
{
	return r->dispi[ENABLE] & ENABLED;
}

static uint32_t
bytes_of(unsigned pixels, unsigned bpp)
{
	return bpp == 4 ? pixels / 8 : pixels * ((bpp + 7) / 8);
}

uint32_t
dispi_pitch(const struct vga_regs *r)
{
	return bytes_of(r->dispi[VIRT_WIDTH], r->dispi[BPP]);
}

bool
dispi_linear(const struct vga_regs *r)
{
	return dispi_enabled(r) && r->dispi[BPP] != 4;
}

bool
dispi_wide_dac(const struct vga_regs *r)
{
	return r->dispi[ENABLE] & DAC_8_BITS;
}

void
dispi_size(const struct vga_regs *r, uint32_t *width, uint32_t *height, uint32_t *bits)
{
	*width = r->dispi[XRES];
	*height = r->dispi[YRES];
	*bits = r->dispi[BPP];
}

uint32_t
dispi_start(const struct vga_regs *r)
{
	return r->dispi[Y_OFFSET] * dispi_pitch(r) + bytes_of(r->dispi[X_OFFSET], r->dispi[BPP]);
}

uint32_t
dispi_bank(const struct vga_regs *r)
{
	return (uint32_t)r->dispi[BANK] << 16;
}

uint16_t
dispi_read(const struct vga *v, unsigned reg)
{
	const uint16_t *d = v->regs.dispi;

	if (reg == MEMORY_64K)
		return VGA_VRAM_SIZE >> 16;
	if (reg >= DISPI_REGS)
		return 0xffff;
	if (d[ENABLE] & GET_LIMITS && reg >= XRES && reg <= BPP)
		return reg == BPP ? BPP_MAX : FB_SIDE_MAX;
	return d[reg];
}

/* As many rows as memory has of this width. */
static void
set_virtual_width(uint16_t *d, unsigned width)
{
	uint32_t pitch = bytes_of(width, d[BPP]);
	uint32_t size = d[BPP] == 4 ? VGA_PLANE_SIZE : VGA_VRAM_SIZE, rows = pitch ? size / pitch : 0;

	d[VIRT_WIDTH] = (uint16_t)width;
	d[VIRT_HEIGHT] = (uint16_t)(rows < UINT16_MAX ? rows : UINT16_MAX);
}

static void
clear(struct vga *v)
{
	const uint16_t *d = v->regs.dispi;
	uint64_t size = (uint64_t)dispi_pitch(&v->regs) * d[YRES];

	if (d[BPP] == 4)
		memset(v->planes, 0, 4 * VGA_PLANE_SIZE);
	else
		memset(v->vram, 0, size < VGA_VRAM_SIZE ? size : VGA_VRAM_SIZE);
	v->redraw = true;
}

static void
enable(struct vga *v, uint16_t value)
{
	uint16_t *d = v->regs.dispi;
	bool was = d[ENABLE] & ENABLED;

	d[ENABLE] = value;
	d[BANK] = 0;
	if (value & ENABLED && !was) {
		d[X_OFFSET] = d[Y_OFFSET] = 0;
		set_virtual_width(d, d[XRES]);
		if (!(value & NO_CLEAR))
			clear(v);
	}
}

static bool
known_bpp(unsigned bpp)
{
	return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

void
dispi_write(struct vga *v, unsigned reg, uint16_t value)
{
	uint16_t *d = v->regs.dispi;
	bool on = dispi_enabled(&v->regs);

	switch (reg) {
	case ID:
		if (value >= ID_FIRST && value <= ID_LAST)
			d[ID] = value;
		break;
	case XRES:
	case YRES:
		if (value <= FB_SIDE_MAX)
			d[reg] = value;
		break;
	case BPP:
		if (!value)
			value = BPP_DEFAULT;
		if (known_bpp(value))
			d[BPP] = value;
		break;
	case ENABLE:
		enable(v, value);
		break;
	case BANK:
		if (value < VGA_VRAM_SIZE >> 16)
			d[BANK] = value;
		break;
	case VIRT_WIDTH:
		if (on && value >= d[XRES])
			set_virtual_width(d, value);
		return;
	case X_OFFSET:
	case Y_OFFSET:
		d[reg] = value;
		return;
	default:
		return;
	}
	/* A driver may change the size of what it shows without turning it off. */
	if (on && dispi_enabled(&v->regs) && (reg == XRES || reg == BPP))
		set_virtual_width(d, d[VIRT_WIDTH] < d[XRES] || reg == XRES ? d[XRES] : d[VIRT_WIDTH]);
	vga_window_update(v);
}

/* SPDX-License-Identifier: ISC */
/*
 * Between the files of the VGA: vga.c is the PCI device, vga_regs.c the classic registers, vga_dispi.c Bochs's,
 * vga_window.c the memory from A0000 on, vga_view.c finds out what the registers say is shown, vga_draw.c draws it.
 * Registers as in IBM's PS/2 Hardware Interface Technical Reference, "Video Subsystem"; DISPI as Bochs documents it.
 */
#ifndef KVM_RUN_VGA_DEV_H
#define KVM_RUN_VGA_DEV_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kvm-run/pci.h"
#include "kvm-run/screen.h"
#include "kvm-run/vga.h"

#define VGA_VRAM_SIZE (16U << 20)
#define VGA_TEXT_SIZE 0x8000U /* what is seen at B8000 in text modes */
#define VGA_PLANE_SIZE 0x10000U
#define VGA_GLYPH_BYTES 32 /* of plane 2, for a character's rows */
#define VGA_CELLS_MAX (VGA_TEXT_SIZE / 2)

/* In memory that displays see: first the text, then the picture. */
#define VGA_TEXT_EXPORT 0x10000U
#define VGA_PICTURE_MAX (64U << 20)

#define VGA_PORTS 0x3b0
#define VGA_PORTS_LEN 0x30
#define DISPI_PORTS 0x1ce
#define DISPI_PORTS_LEN 4
#define DISPI_REGS 11

/* What software has put into the device: a plain struct, all of its state but for the memory. */
struct vga_regs {
	uint8_t misc, feature, status1;
	uint8_t seq_index, seq[8];
	uint8_t crtc_index, crtc[32];
	uint8_t gfx_index, gfx[16];
	uint8_t attr_index, attr[32]; /* index: with the bit that turns the screen on */
	bool attr_data;		      /* the next byte to 3C0 is one */
	uint8_t dac_mask, dac_state, dac_read, dac_write, dac_part, dac_latch[3], dac[256][3];
	uint8_t latch[4]; /* of the planes */
	uint16_t dispi_index, dispi[DISPI_REGS];
	uint32_t byte_order;
};

enum vga_shown { SHOWN_NOTHING, SHOWN_TEXT, SHOWN_PLANES, SHOWN_LINEAR };

/* What is to be seen, worked out of the registers. Compared by memcmp: zeroed first, and without padding that matters. */
struct vga_view {
	enum vga_shown shown;
	bool blank;
	uint32_t width, height;	    /* of the picture */
	uint32_t start, pitch;	    /* of memory: characters, bytes of a plane, or bytes */
	uint32_t bits;		    /* a pixel, when linear */
	uint32_t wide, high;	    /* picture's pixels for one of memory, across and down */
	uint32_t columns, rows;	    /* text */
	uint32_t cell_width, cell_height;
	uint32_t font[2];	    /* offsets in plane 2, by bit 3 of the attribute */
	uint32_t cursor_from, cursor_to; /* rows of a cell */
	uint32_t cursor;	    /* its place, or -1 */
	bool ninth_joined, blinks;
	uint32_t palette[256];
};

struct vga {
	struct pci_dev pci;
	struct vm *vm;
	struct screen *screen;
	struct screen_memory memory;
	uint8_t *vram, *text, *planes; /* of one mapping: VGA_VRAM_SIZE, VGA_TEXT_SIZE, 4 * VGA_PLANE_SIZE */
	uint8_t edid[128];
	pthread_mutex_t lock; /* the rest, but what is the drawing's */
	struct vga_regs regs;
	uint64_t lfb;	     /* where the linear memory is in the guest, or 0 */
	uint64_t window;     /* where some memory is mapped below C0000, or 0 */
	uint8_t *window_at;
	uint32_t window_size;
	bool logging;	     /* KVM notes what the guest writes to */
	bool redraw;	     /* something changed that no log tells of */
	/* The drawing's, on the screen's thread. */
	struct vga_view view; /* as drawn */
	uint16_t cells[VGA_CELLS_MAX];
	uint64_t dirty[VGA_VRAM_SIZE / 4096 / 64];
};

/* vga_regs.c: a byte of ports 3B0 to 3DF, with the lock held. A write may change the window. */
uint8_t vga_port_read(struct vga *v, unsigned port);
void vga_port_write(struct vga *v, unsigned port, uint8_t value);
void vga_regs_reset(struct vga_regs *r);

/* vga_dispi.c: with the lock held. */
uint16_t dispi_read(const struct vga *v, unsigned reg);
void dispi_write(struct vga *v, unsigned reg, uint16_t value);
void dispi_reset(struct vga_regs *r);
bool dispi_enabled(const struct vga_regs *r);
bool dispi_linear(const struct vga_regs *r); /* enabled, and not of planes */
bool dispi_wide_dac(const struct vga_regs *r); /* colours have parts of 8 bits, not 6 */
void dispi_size(const struct vga_regs *r, uint32_t *width, uint32_t *height, uint32_t *bits);
uint32_t dispi_start(const struct vga_regs *r); /* of what is shown, as the pitch in bytes */
uint32_t dispi_pitch(const struct vga_regs *r); /* bytes a row, of a plane when 4 bits a pixel */
uint32_t dispi_bank(const struct vga_regs *r);	/* the window's start in linear memory */

/* vga_window.c: maps what the registers say is at A0000 to BFFFF. Lock held. */
void vga_window_update(struct vga *v);
bus_access vga_window_access; /* of what is not mapped: planes */
/* Maps size bytes as a slot of the machine's memory, or with size 0 nothing. */
void vga_slot(struct vga *v, unsigned slot, uint64_t gpa, void *at, uint32_t size);
/* The pages of linear memory that were written since the last time, into v->dirty; false when nobody knows. Lock held. */
bool vga_dirty_pages(struct vga *v);
void vga_logging(struct vga *v, bool on);

/* vga_view.c */
void vga_view(const struct vga_regs *r, struct vga_view *view);

/* vga_draw.c: refresh of screen_ops; and what it is made of, for tests. */
void vga_refresh(void *dev);

/* vga_font.c: 256 characters of 16 rows, code page 437, a byte a row. */
void vga_font_load(uint8_t *plane2);

#endif

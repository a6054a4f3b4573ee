/* SPDX-License-Identifier: ISC */
/* The VGA's classic registers: stored and given back, and what follows from them. */
#include <string.h>

#include "kvm-run/vga_dev.h"

#define RETRACE 9 /* status 1: in vertical retrace, display disabled */
#define MISC_COLOUR 1 /* CRTC and status at 3Dx, not at 3Bx */
#define CRTC_PROTECT 0x80 /* of CRTC 11h: 0 to 7 are read-only */
#define CRTC_OVERFLOW 7
#define OVERFLOW_LINE_COMPARE 0x10 /* the one bit there that is not protected */
#define ATTR_ON 0x20
#define DAC_WRITING 0
#define DAC_READING 3

/* Mode 3, 80 by 25 characters of 9 by 16 dots, as IBM's BIOS programs it. */
static const uint8_t text_seq[] = {0x03, 0x00, 0x03, 0x00, 0x02};
static const uint8_t text_crtc[] = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00,
    0x00, 0x00, 0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff};
static const uint8_t text_gfx[] = {0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff};
static const uint8_t text_attr[] = {0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d,
    0x3e, 0x3f, 0x0c, 0x00, 0x0f, 0x08, 0x00};

void
vga_regs_reset(struct vga_regs *r)
{
	*r = (struct vga_regs){.misc = 0x67, .attr_index = ATTR_ON, .dac_mask = 0xff};
	memcpy(r->seq, text_seq, sizeof(text_seq));
	memcpy(r->crtc, text_crtc, sizeof(text_crtc));
	memcpy(r->gfx, text_gfx, sizeof(text_gfx));
	memcpy(r->attr, text_attr, sizeof(text_attr));
	/* The EGA's 64 colours: bits 0 to 2 are two thirds of blue, green and red, 3 to 5 the last thirds. */
	for (unsigned i = 0; i < 64; i++)
		for (unsigned part = 0; part < 3; part++) /* red first */
			r->dac[i][part] = (uint8_t)((i >> (2 - part) & 1 ? 42 : 0) + (i >> (5 - part) & 1 ? 21 : 0));
	dispi_reset(r);
}

static uint8_t
dac_next_read(struct vga_regs *r)
{
	uint8_t value = r->dac[r->dac_read][r->dac_part];

	if (++r->dac_part == 3) {
		r->dac_part = 0;
		r->dac_read++;
	}
	return value;
}

/* A colour takes effect when its third part has come. */
static void
dac_next_write(struct vga_regs *r, uint8_t value)
{
	r->dac_latch[r->dac_part] = value;
	if (++r->dac_part == 3) {
		r->dac_part = 0;
		memcpy(r->dac[r->dac_write++], r->dac_latch, 3);
	}
}

/* Is the port one of the colour's or the monochrome's addresses that are not in use? */
static bool
is_elsewhere(const struct vga_regs *r, unsigned port)
{
	return (port & 0xfff0) == (r->misc & MISC_COLOUR ? 0x3b0 : 0x3d0);
}

uint8_t
vga_port_read(struct vga *v, unsigned port)
{
	struct vga_regs *r = &v->regs;

	if (is_elsewhere(r, port))
		return 0xff;
	switch (port) {
	case 0x3c0:
		return r->attr_data ? 0 : r->attr_index;
	case 0x3c1:
		return r->attr[r->attr_index & 0x1f];
	case 0x3c2: /* status 0: neither an interrupt nor a sense */
		return 0;
	case 0x3c4:
		return r->seq_index;
	case 0x3c5:
		return r->seq[r->seq_index & 7];
	case 0x3c6:
		return r->dac_mask;
	case 0x3c7:
		return r->dac_state;
	case 0x3c8:
		return r->dac_write;
	case 0x3c9:
		return dac_next_read(r);
	case 0x3ca:
		return r->feature;
	case 0x3cc:
		return r->misc;
	case 0x3ce:
		return r->gfx_index;
	case 0x3cf:
		return r->gfx[r->gfx_index & 15];
	case 0x3b4:
	case 0x3d4:
		return r->crtc_index;
	case 0x3b5:
	case 0x3d5:
		return r->crtc[r->crtc_index & 31];
	case 0x3ba:
	case 0x3da:
		/* Software waits for a retrace to begin, and to end: each look is at the other half. */
		r->attr_data = false;
		r->status1 ^= RETRACE;
		return r->status1;
	}
	return 0xff;
}

static void
attr_write(struct vga_regs *r, uint8_t value)
{
	unsigned i = r->attr_index & 0x1f;

	if (!r->attr_data)
		r->attr_index = value & 0x3f;
	else if (i >= 16 || !(r->attr_index & ATTR_ON)) /* the palette is locked while it is shown */
		r->attr[i] = value;
	r->attr_data = !r->attr_data;
}

static void
crtc_write(struct vga_regs *r, uint8_t value)
{
	unsigned i = r->crtc_index & 31;

	if (i < 8 && r->crtc[0x11] & CRTC_PROTECT) {
		if (i == CRTC_OVERFLOW)
			r->crtc[i] = (uint8_t)((r->crtc[i] & ~OVERFLOW_LINE_COMPARE) | (value & OVERFLOW_LINE_COMPARE));
		return;
	}
	r->crtc[i] = value;
}

void
vga_port_write(struct vga *v, unsigned port, uint8_t value)
{
	struct vga_regs *r = &v->regs;

	if (is_elsewhere(r, port))
		return;
	switch (port) {
	case 0x3c0:
		attr_write(r, value);
		break;
	case 0x3c2:
		r->misc = value;
		break;
	case 0x3c4:
		r->seq_index = value;
		break;
	case 0x3c5:
		r->seq[r->seq_index & 7] = value;
		vga_window_update(v);
		break;
	case 0x3c6:
		r->dac_mask = value;
		break;
	case 0x3c7:
	case 0x3c8:
		*(port == 0x3c7 ? &r->dac_read : &r->dac_write) = value;
		r->dac_state = port == 0x3c7 ? DAC_READING : DAC_WRITING;
		r->dac_part = 0;
		break;
	case 0x3c9:
		dac_next_write(r, value);
		break;
	case 0x3ce:
		r->gfx_index = value;
		break;
	case 0x3cf:
		r->gfx[r->gfx_index & 15] = value;
		vga_window_update(v);
		break;
	case 0x3b4:
	case 0x3d4:
		r->crtc_index = value;
		break;
	case 0x3b5:
	case 0x3d5:
		crtc_write(r, value);
		break;
	case 0x3ba:
	case 0x3da:
		r->feature = value;
		break;
	}
}

/* SPDX-License-Identifier: ISC */
/* What the VGA's registers say is to be seen. */
#include <string.h>

#include "kvm-run/vga_dev.h"

#define SEQ_8_DOTS 0x01 /* of 1 */
#define SEQ_HALF_CLOCK 0x08
#define SEQ_SCREEN_OFF 0x20
#define GFX_GRAPHICS 0x01 /* of 6 */
#define GFX_256_COLOURS 0x40 /* of 5 */
#define GFX_INTERLEAVED 0x20 /* as a CGA has it */
#define CRTC_DOUBLE 0x80 /* of 9 */
#define CRTC_CURSOR_OFF 0x20 /* of 0Ah */
#define ATTR_ON 0x20
#define ATTR_JOIN_NINTH 0x04 /* of 10h */
#define ATTR_BLINK 0x08
#define ATTR_SELECT_45 0x80

static uint32_t
colour(const struct vga_regs *r, unsigned i)
{
	const uint8_t *c = r->dac[i & r->dac_mask];
	uint32_t rgb = 0;

	for (unsigned part = 0; part < 3; part++) {
		unsigned six = c[part] & 0x3f;

		rgb = rgb << 8 | (dispi_wide_dac(r) ? c[part] : six << 2 | six >> 4);
	}
	return rgb;
}

/* A colour of 16 goes through the attribute controller's palette. */
static uint32_t
palette_colour(const struct vga_regs *r, unsigned i)
{
	const uint8_t *a = r->attr;
	unsigned c = a[i & a[0x12] & 15] & 0x3f;

	if (a[0x10] & ATTR_SELECT_45)
		c = (c & 15) | (a[0x14] & 3U) << 4;
	return colour(r, c | (a[0x14] & 12U) << 4);
}

static uint32_t
lines(const struct vga_regs *r)
{
	const uint8_t *c = r->crtc;

	return (c[0x12] | (c[7] & 0x02U) << 7 | (c[7] & 0x40U) << 3) + 1;
}

static uint32_t
crtc_word(const struct vga_regs *r, unsigned high)
{
	return (uint32_t)r->crtc[high] << 8 | r->crtc[high + 1];
}

/* Fonts A and B: three bits each say in which of the eight places of plane 2. */
static uint32_t
font_at(unsigned low, unsigned high)
{
	return low * 0x4000 + high * 0x2000;
}

static void
view_text(const struct vga_regs *r, struct vga_view *view)
{
	uint32_t end = r->crtc[0x0b] & 0x1f, select = r->seq[3];

	view->shown = SHOWN_TEXT;
	view->columns = r->crtc[1] + 1U;
	view->cell_width = r->seq[1] & SEQ_8_DOTS ? 8 : 9;
	view->cell_height = (r->crtc[9] & 0x1f) + 1U;
	view->wide = r->seq[1] & SEQ_HALF_CLOCK ? 2 : 1;
	view->high = r->crtc[9] & CRTC_DOUBLE ? 2 : 1;
	view->rows = lines(r) / (view->cell_height * view->high);
	view->width = view->columns * view->cell_width * view->wide;
	view->height = view->rows * view->cell_height * view->high;
	view->pitch = r->crtc[0x13] * 2U;
	view->start = crtc_word(r, 0x0c);
	view->font[1] = font_at(select >> 2 & 3, select >> 5 & 1); /* attribute's bit 3 set: A */
	view->font[0] = font_at(select & 3, select >> 4 & 1);
	view->ninth_joined = r->attr[0x10] & ATTR_JOIN_NINTH;
	view->blinks = r->attr[0x10] & ATTR_BLINK;
	view->cursor_from = r->crtc[0x0a] & 0x1f;
	view->cursor_to = end < view->cell_height ? end : view->cell_height - 1;
	view->cursor = (crtc_word(r, 0x0e) - view->start) & 0xffff;
	if (r->crtc[0x0a] & CRTC_CURSOR_OFF || view->cursor_from > view->cursor_to)
		view->cursor = -1U;
}

/* 16 colours in planes, or 256 in linear memory, where a pixel is two dots wide. */
static void
view_graphics(const struct vga_regs *r, struct vga_view *view)
{
	bool linear = r->gfx[5] & GFX_256_COLOURS;
	uint32_t unit = linear ? 4 : 1;

	view->shown = linear ? SHOWN_LINEAR : SHOWN_PLANES;
	view->bits = 8;
	view->wide = linear || r->seq[1] & SEQ_HALF_CLOCK ? 2 : 1;
	view->high = ((r->crtc[9] & 0x1f) + 1U) * (r->crtc[9] & CRTC_DOUBLE ? 2 : 1);
	view->width = (r->crtc[1] + 1U) * 8 * (linear ? 1 : view->wide);
	view->height = lines(r);
	view->pitch = r->crtc[0x13] * 2U * unit;
	view->start = crtc_word(r, 0x0c) * unit;
}

static void
view_dispi(const struct vga_regs *r, struct vga_view *view)
{
	view->wide = view->high = 1;
	dispi_size(r, &view->width, &view->height, &view->bits);
	view->shown = dispi_linear(r) ? SHOWN_LINEAR : SHOWN_PLANES;
	view->pitch = dispi_pitch(r);
	view->start = dispi_start(r);
}

static bool
can_be_shown(const struct vga_view *view)
{
	return view->width && view->height && view->width <= FB_SIDE_MAX && view->height <= FB_SIDE_MAX &&
	    (uint64_t)view->width * view->height * 4 <= VGA_PICTURE_MAX && view->columns * view->rows <= VGA_CELLS_MAX;
}

void
vga_view(const struct vga_regs *r, struct vga_view *view)
{
	memset(view, 0, sizeof(*view));
	if (dispi_enabled(r))
		view_dispi(r, view);
	else if (!(r->gfx[6] & GFX_GRAPHICS))
		view_text(r, view);
	else if (!(r->gfx[5] & GFX_INTERLEAVED))
		view_graphics(r, view);
	if (!can_be_shown(view)) {
		memset(view, 0, sizeof(*view));
		return;
	}
	view->blank = !(r->attr_index & ATTR_ON) || r->seq[1] & SEQ_SCREEN_OFF;
	for (unsigned i = 0; i < 256; i++)
		view->palette[i] = view->shown == SHOWN_LINEAR ? colour(r, i) : palette_colour(r, i & 15);
}

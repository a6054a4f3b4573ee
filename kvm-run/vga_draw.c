/* SPDX-License-Identifier: ISC */
/*
 * Draws what the VGA shows into the picture that displays see. Lines that may have changed are drawn anew and compared with
 * the picture in pieces of TILE pixels; the pieces that differ are the damage. So a display is told of what it would see
 * to have changed and of nothing else, and between two answers of ours its picture stands still.
 */
#include <string.h>

#include "kvm-run/vga_dev.h"

#define TILE 16
#define TILES (FB_SIDE_MAX / TILE)
#define LINE_GRAPHICS_FIRST 0xc0 /* characters whose eighth dot goes on into the ninth, where that is asked for */
#define LINE_GRAPHICS_LAST 0xdf

/* The pieces that differ in a band of TILE lines: from line `top` on, to `bottom`, which is 0 where none does. */
struct band {
	uint32_t y;
	uint16_t top[TILES], bottom[TILES];
};

struct drawing {
	struct vga *v;
	const struct vga_view *view;
	struct band band;
	uint32_t line[FB_SIDE_MAX];
};

static void
band_end(struct drawing *d)
{
	uint32_t tiles = (d->view->width + TILE - 1) / TILE;
	struct band *b = &d->band;

	for (uint32_t from = 0, to; from < tiles; from = to + 1) {
		uint16_t top = UINT16_MAX, bottom = 0;

		for (to = from; to < tiles && b->bottom[to]; to++) {
			top = b->top[to] < top ? b->top[to] : top;
			bottom = b->bottom[to] > bottom ? b->bottom[to] : bottom;
		}
		if (bottom)
			screen_damage(d->v->screen, from * TILE, top, (to - from) * TILE, (uint32_t)bottom - top);
	}
	memset(b->bottom, 0, tiles * sizeof(b->bottom[0]));
}

/* The line as it is to be seen; what differs from the picture goes there. */
static void
put_line(struct drawing *d, uint32_t y)
{
	uint32_t width = d->view->width, *to = (uint32_t *)(d->v->memory.map + VGA_TEXT_EXPORT) + (size_t)y * width;
	struct band *b = &d->band;

	if (y >= b->y + TILE) {
		band_end(d);
		b->y = y - y % TILE;
	}
	for (uint32_t x = 0, t = 0; x < width; x += TILE, t++) {
		size_t len = sizeof(uint32_t) * (width - x < TILE ? width - x : TILE);

		if (!memcmp(to + x, d->line + x, len))
			continue;
		memcpy(to + x, d->line + x, len);
		if (!b->bottom[t])
			b->top[t] = (uint16_t)y;
		b->bottom[t] = (uint16_t)(y + 1);
	}
}

static uint32_t
from_555(unsigned p)
{
	unsigned r = p >> 10 & 31, g = p >> 5 & 31, b = p & 31;

	return (r << 3 | r >> 2) << 16 | (g << 3 | g >> 2) << 8 | (b << 3 | b >> 2);
}

static uint32_t
from_565(unsigned p)
{
	unsigned r = p >> 11 & 31, g = p >> 5 & 63, b = p & 31;

	return (r << 3 | r >> 2) << 16 | (g << 2 | g >> 4) << 8 | (b << 3 | b >> 2);
}

static uint32_t
linear_bytes(const struct vga_view *view)
{
	return view->width / view->wide * ((view->bits + 7) / 8);
}

static void
linear_line(struct drawing *d, uint32_t y)
{
	const struct vga_view *view = d->view;
	uint64_t at = view->start + (uint64_t)(y / view->high) * view->pitch;
	const uint8_t *from = d->v->vram + at;

	if (at + linear_bytes(view) > VGA_VRAM_SIZE) {
		memset(d->line, 0, sizeof(d->line[0]) * view->width);
		return;
	}
	switch (view->bits) {
	case 8:
		for (uint32_t x = 0; x < view->width; x++)
			d->line[x] = view->palette[from[x / view->wide]];
		break;
	case 15:
	case 16:
		for (uint32_t x = 0; x < view->width; x++) {
			unsigned p = from[2 * x] | (unsigned)from[2 * x + 1] << 8;

			d->line[x] = view->bits == 15 ? from_555(p) : from_565(p);
		}
		break;
	case 24:
		for (uint32_t x = 0; x < view->width; x++)
			d->line[x] = from[3 * x] | (uint32_t)from[3 * x + 1] << 8 | (uint32_t)from[3 * x + 2] << 16;
		break;
	case 32:
		memcpy(d->line, from, 4 * view->width);
		for (uint32_t x = 0; x < view->width; x++)
			d->line[x] &= 0xffffff;
		break;
	}
}

static void
planes_line(struct drawing *d, uint32_t y)
{
	const struct vga_view *view = d->view;
	uint32_t at = view->start + y / view->high * view->pitch;

	for (uint32_t x = 0; x < view->width; x++) {
		uint32_t dot = x / view->wide, off = (at + dot / 8) % VGA_PLANE_SIZE, c = 0;

		for (unsigned i = 0; i < 4; i++)
			c |= (d->v->planes[i * VGA_PLANE_SIZE + off] >> (7 - dot % 8) & 1U) << i;
		d->line[x] = view->palette[c];
	}
}

/* Where the character is in text memory. */
static uint32_t
cell_at(const struct vga_view *view, uint32_t row, uint32_t column)
{
	return (view->start + row * view->pitch + column) % VGA_CELLS_MAX;
}

static void
text_line(struct drawing *d, uint32_t y)
{
	const struct vga_view *view = d->view;
	const uint8_t *fonts = d->v->planes + 2 * VGA_PLANE_SIZE;
	uint32_t row = y / view->high / view->cell_height, inside = y / view->high % view->cell_height, *to = d->line;
	bool cursor_line = inside >= view->cursor_from && inside <= view->cursor_to;

	for (uint32_t column = 0; column < view->columns; column++) {
		uint16_t cell = d->v->cells[row * view->columns + column];
		unsigned c = cell & 0xff, attr = cell >> 8;
		unsigned bits = (unsigned)fonts[view->font[attr >> 3 & 1] + c * VGA_GLYPH_BYTES + inside] << 1;
		uint32_t ink = view->palette[attr & 15], paper = view->palette[attr >> 4 & (view->blinks ? 7 : 15)];

		if (view->ninth_joined && c >= LINE_GRAPHICS_FIRST && c <= LINE_GRAPHICS_LAST)
			bits |= bits >> 1 & 1;
		if (cursor_line && view->cursor != -1U && cell_at(view, row, column) == (view->start + view->cursor) % VGA_CELLS_MAX)
			bits = 0x1ff;
		for (unsigned i = 0; i < view->cell_width; i++, bits <<= 1)
			for (unsigned n = 0; n < view->wide; n++)
				*to++ = bits & 0x100 ? ink : paper;
	}
}

static void
draw_line(struct drawing *d, uint32_t y)
{
	if (d->view->blank)
		memset(d->line, 0, sizeof(d->line[0]) * d->view->width);
	else if (d->view->shown == SHOWN_TEXT)
		text_line(d, y);
	else if (d->view->shown == SHOWN_PLANES)
		planes_line(d, y);
	else
		linear_line(d, y);
	put_line(d, y);
}

/* The row's characters as they are now, for drawing and for displays that want text. Have they changed? */
static bool
take_row(struct drawing *d, uint32_t row)
{
	const struct vga_view *view = d->view;
	uint16_t *cells = &d->v->cells[row * view->columns];
	uint16_t *seen = (uint16_t *)(d->v->memory.map + sizeof(struct fb_text_cursor)) + row * view->columns;
	bool changed = false;

	for (uint32_t column = 0; column < view->columns; column++) {
		uint16_t cell;

		memcpy(&cell, d->v->text + 2 * cell_at(view, row, column), 2);
		changed |= cells[column] != cell;
		seen[column] = cells[column] = cell;
	}
	return changed;
}

/* Row of the cursor, or -1 if it is not to be seen; for the display, too. */
static uint32_t
cursor_row(const struct vga_view *view, struct fb_text_cursor *c)
{
	uint32_t row = view->pitch && view->cursor != -1U ? view->cursor / view->pitch : -1U;
	uint32_t column = view->pitch ? view->cursor % view->pitch : 0;

	if (row >= view->rows || column >= view->columns)
		row = -1U;
	if (c)
		*c = row == -1U ? (struct fb_text_cursor){0} :
				  (struct fb_text_cursor){.column = (uint16_t)column, .row = (uint16_t)row, .shown = 1};
	return row;
}

static void
draw_text(struct drawing *d, bool all, const struct vga_view *before)
{
	uint32_t tall = d->view->cell_height * d->view->high;
	uint32_t was = cursor_row(before, NULL), is = cursor_row(d->view, (struct fb_text_cursor *)d->v->memory.map);
	bool moved = before->cursor != d->view->cursor;

	for (uint32_t row = 0; row < d->view->rows; row++)
		if (take_row(d, row) | all || (moved && (row == was || row == is)))
			for (uint32_t y = row * tall; y < (row + 1) * tall; y++)
				draw_line(d, y);
}

/* Is one of the line's pages among those that were written to? */
static bool
line_dirty(const struct drawing *d, uint32_t y)
{
	const struct vga_view *view = d->view;
	uint64_t at = view->start + (uint64_t)(y / view->high) * view->pitch, end = at + linear_bytes(view);

	for (uint64_t page = at / 4096; page * 4096 < end && end <= VGA_VRAM_SIZE; page++)
		if (d->v->dirty[page / 64] >> page % 64 & 1)
			return true;
	return false;
}

static void
draw(struct vga *v, bool all, const struct vga_view *before)
{
	struct drawing d = {.v = v, .view = &v->view};

	if (v->view.shown == SHOWN_TEXT)
		draw_text(&d, all, before);
	else
		for (uint32_t y = 0; y < v->view.height; y++)
			if (all || (v->view.shown == SHOWN_LINEAR && line_dirty(&d, y)))
				draw_line(&d, y);
	band_end(&d);
}

static void
tell_mode(struct vga *v)
{
	const struct vga_view *view = &v->view;
	struct fb_mode m = {.width = view->width, .height = view->height, .stride = view->width * 4,
	    .offset = VGA_TEXT_EXPORT, .columns = view->columns, .rows = view->rows};

	m.size = view->width ? m.offset + m.stride * m.height : 0;
	screen_mode(v->screen, &m, v->memory.fd);
}

/* Has anything changed but the cursor, which is two rows' matter? */
static bool
differs(const struct vga_view *a, const struct vga_view *b)
{
	struct vga_view c;

	memcpy(&c, a, sizeof(c));
	c.cursor = b->cursor;
	return memcmp(&c, b, sizeof(c)) != 0;
}

void
vga_refresh(void *dev)
{
	struct vga *v = dev;
	struct vga_view before;
	bool all;

	memcpy(&before, &v->view, sizeof(before));
	pthread_mutex_lock(&v->lock);
	vga_view(&v->regs, &v->view);
	all = v->redraw;
	if (v->view.shown == SHOWN_LINEAR)
		all |= !vga_dirty_pages(v);
	v->redraw = false;
	pthread_mutex_unlock(&v->lock);
	if (v->view.width != before.width || v->view.height != before.height || v->view.columns != before.columns ||
	    v->view.rows != before.rows)
		tell_mode(v);
	draw(v, all || differs(&before, &v->view), &before);
}

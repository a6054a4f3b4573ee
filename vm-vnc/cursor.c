/* SPDX-License-Identifier: ISC */
/* The guest's own pointer; the contracts are in cursor.h. */
#include <string.h>

#include "vm-vnc/cursor.h"

#define RICH_CURSOR 0xffffff11u	 /* -239 */
#define CURSOR_ALPHA 0xfffffec6u /* -314 */

bool
cursor_take(struct cursor *c, const struct fb_cursor *m)
{
	bool shape = m->flags & FB_CURSOR_SHAPE, other = shape || !c->now.kind || (c->now.flags ^ m->flags) & FB_CURSOR_SHOWN;
	struct fb_cursor *now = &c->now;

	if (shape) {
		memcpy(now, m, offsetof(struct fb_cursor, pixels) + sizeof(uint32_t) * m->width * m->height);
		return true;
	}
	now->kind = m->kind;
	now->flags = m->flags;
	now->x = m->x;
	now->y = m->y;
	return other;
}

static bool
visible(const struct cursor *c)
{
	return c->now.flags & FB_CURSOR_SHOWN && c->now.width;
}

static void
write_head(const struct cursor *c, struct output *o, uint32_t encoding)
{
	bool there = visible(c);

	output_put16(o, there ? c->now.hot_x : 0);
	output_put16(o, there ? c->now.hot_y : 0);
	output_put16(o, there ? c->now.width : 0);
	output_put16(o, there ? c->now.height : 0);
	output_put32(o, encoding);
}

void
cursor_write_rich(const struct cursor *c, const struct encoder *e, struct output *o)
{
	unsigned w = c->now.width, h = c->now.height;
	uint8_t pixel[4], mask[FB_CURSOR_MAX / 8 * FB_CURSOR_MAX] = {0};

	write_head(c, o, RICH_CURSOR);
	if (!visible(c))
		return;
	for (unsigned i = 0; i < w * h; i++) {
		output_put(o, pixel, encoder_pixel(e, c->now.pixels[i] & 0xffffff, pixel));
		if (c->now.pixels[i] >> 24 >= 0x80)
			mask[i / w * ((w + 7) / 8) + i % w / 8] |= (uint8_t)(0x80 >> i % w % 8);
	}
	output_put(o, mask, (w + 7) / 8 * h);
}

void
cursor_write_alpha(const struct cursor *c, struct output *o)
{
	write_head(c, o, CURSOR_ALPHA);
	output_put32(o, ENCODING_RAW);
	if (!visible(c))
		return;
	for (unsigned i = 0; i < (unsigned)c->now.width * c->now.height; i++) {
		uint32_t p = c->now.pixels[i], alpha = p >> 24;

		/* premultiplied; red, green, blue, alpha in this order */
		output_put8(o, (uint8_t)((p >> 16 & 255) * alpha / 255));
		output_put8(o, (uint8_t)((p >> 8 & 255) * alpha / 255));
		output_put8(o, (uint8_t)((p & 255) * alpha / 255));
		output_put8(o, (uint8_t)alpha);
	}
}

static uint32_t
blend(uint32_t under, uint32_t over)
{
	uint32_t alpha = over >> 24, out = 0;

	for (unsigned shift = 0; shift < 24; shift += 8) {
		uint32_t a = under >> shift & 255, b = over >> shift & 255;

		out |= ((a * (255 - alpha) + b * alpha) / 255) << shift;
	}
	return out;
}

void
cursor_erase(struct cursor *c, struct picture *p)
{
	const struct fb_rect *r = &c->drawn;

	if (!r->width || !p->mem)
		return;
	for (unsigned y = 0; y < r->height; y++)
		memcpy(p->copy + (size_t)p->mode.width * (r->y + y) + r->x, c->under + y * r->width, r->width * 4u);
}

/* The part of the cursor that is within the picture; false when that is none. */
static bool
clip(const struct cursor *c, const struct picture *p, struct fb_rect *r)
{
	int64_t left = (int64_t)c->now.x - c->now.hot_x, top = (int64_t)c->now.y - c->now.hot_y;
	int64_t right = left + c->now.width, bottom = top + c->now.height;

	left = left < 0 ? 0 : left;
	top = top < 0 ? 0 : top;
	right = right > p->mode.width ? p->mode.width : right;
	bottom = bottom > p->mode.height ? p->mode.height : bottom;
	if (!p->mem || !visible(c) || right <= left || bottom <= top)
		return false;
	*r = (struct fb_rect){(uint16_t)left, (uint16_t)top, (uint16_t)(right - left), (uint16_t)(bottom - top)};
	return true;
}

void
cursor_draw(struct cursor *c, struct picture *p)
{
	struct fb_rect r = {0}, old = c->drawn;

	if (!clip(c, p, &r))
		r.width = 0;
	if (memcmp(&r, &old, sizeof(r)) && old.width)
		picture_mark(p, old.x, old.y, old.width, old.height, TILE_CHANGED);
	c->drawn = r;
	for (unsigned y = 0; y < r.height && r.width; y++)
		for (unsigned x = 0; x < r.width; x++) {
			uint32_t *to = p->copy + (size_t)p->mode.width * (r.y + y) + r.x + x;
			int64_t cx = r.x + x - ((int64_t)c->now.x - c->now.hot_x), cy = r.y + y - ((int64_t)c->now.y - c->now.hot_y);

			c->under[y * r.width + x] = *to;
			*to = blend(*to, c->now.pixels[cy * c->now.width + cx]);
		}
	if (r.width && memcmp(&r, &old, sizeof(r)))
		picture_mark(p, r.x, r.y, r.width, r.height, TILE_CHANGED);
}

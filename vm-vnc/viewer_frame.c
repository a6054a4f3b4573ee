/* SPDX-License-Identifier: ISC */
/* Frames: what has changed, as one FramebufferUpdate (RFC 6143, 7.6.1), no faster than the viewer takes them. */
#include <stdlib.h>

#include "common/diag.h"
#include "common/timer.h"
#include "vm-vnc/viewer_dev.h"

#define FRAMEBUFFER_UPDATE 0
#define COUNT_UNKNOWN 0xffff
#define COUNT_ENOUGH 30000 /* rectangles of a frame that must count them */

/* rfbproto, pseudo-encodings */
#define DESKTOP_SIZE 0xffffff21u	  /* -223 */
#define LAST_RECT 0xffffff20u		  /* -224 */
#define POINTER_TYPE 0xfffffeffu	  /* -257 */
#define EXTENDED_KEY 0xfffffefeu	  /* -258 */
#define LED_STATE 0xfffffefbu		  /* -261 */
#define EXTENDED_DESKTOP_SIZE 0xfffffeccu /* -308 */

static void
write_head(struct output *o, uint16_t count)
{
	output_put16(o, FRAMEBUFFER_UPDATE << 8);
	output_put16(o, count);
}

static void
write_rect(struct output *o, uint16_t x, uint16_t y, uint16_t w, uint16_t h, uint32_t encoding)
{
	output_put16(o, x);
	output_put16(o, y);
	output_put16(o, w);
	output_put16(o, h);
	output_put32(o, encoding);
}

/* Alone in its update: viewers make a new picture of it, and do not expect to see anything of the old one. */
static void
write_size(struct viewer *v)
{
	uint16_t w = (uint16_t)v->picture.mode.width, h = (uint16_t)v->picture.mode.height;
	struct output *o = &v->out;

	write_head(o, 1);
	if (!(v->knows & KNOWS_EXTENDED_SIZE)) {
		write_rect(o, 0, 0, w, h, DESKTOP_SIZE);
		return;
	}
	write_rect(o, (uint16_t)v->resize_reason, (uint16_t)v->resize_status, w, h, EXTENDED_DESKTOP_SIZE);
	output_put32(o, 1 << 24); /* one screen, and padding */
	output_put32(o, 0);	  /* its id, place, size and flags */
	output_put32(o, 0);
	output_put16(o, w);
	output_put16(o, h);
	output_put32(o, 0);
	v->resize_reason = v->resize_status = 0;
}

static unsigned
count_bits(unsigned v)
{
	return (unsigned)__builtin_popcount(v);
}

/* News that are rectangles among others. */
#define SMALL_NEWS (KNOWS_CURSOR | KNOWS_ALPHA_CURSOR | KNOWS_POINTER_TYPE | KNOWS_KEYS | KNOWS_LEDS)

static void
write_news(struct viewer *v, unsigned news)
{
	struct output *o = &v->out;

	if (news & KNOWS_ALPHA_CURSOR)
		cursor_write_alpha(&v->cursor, o);
	if (news & KNOWS_CURSOR)
		cursor_write_rich(&v->cursor, v->encoder, o);
	if (news & KNOWS_POINTER_TYPE)
		write_rect(o, !v->relative, 0, (uint16_t)v->picture.mode.width, (uint16_t)v->picture.mode.height, POINTER_TYPE);
	if (news & KNOWS_KEYS)
		write_rect(o, 0, 0, 0, 0, EXTENDED_KEY);
	if (news & KNOWS_LEDS) {
		write_rect(o, 0, 0, 0, 0, LED_STATE);
		output_put8(o, (uint8_t)v->leds);
	}
	v->news &= ~news;
}

static void
add_rect(struct frame *f, const struct fb_rect *r)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		f->rects = reallocarray(f->rects, f->cap, sizeof(*f->rects));
		if (!f->rects)
			die("out of memory");
	}
	f->rects[f->n++] = *r;
}

/* What is to be sent now; returns how many rectangles that will be. */
static unsigned
collect(struct viewer *v)
{
	struct frame *f = &v->frame;
	struct fb_rect r;
	unsigned count = 0;

	f->n = f->next = 0;
	while ((f->last_rect || count < COUNT_ENOUGH) && picture_next(&v->picture, ENCODER_AREA, &r)) {
		if (!f->last_rect)
			count += encoder_count(v->encoder, &r);
		add_rect(f, &r);
	}
	return count;
}

static bool
soft_cursor(const struct viewer *v)
{
	return !(v->knows & (KNOWS_CURSOR | KNOWS_ALPHA_CURSOR));
}

/* Looks at what has changed. True with *r when some of it has only been moved there. */
static bool
look(struct viewer *v, struct fb_rect *r, unsigned *from_y)
{
	bool drawn = soft_cursor(v), moved;

	if (drawn)
		cursor_erase(&v->cursor, &v->picture);
	moved = v->knows & KNOWS_COPYRECT && !v->cursor.drawn.width && picture_scrolled(&v->picture, r, from_y);
	picture_compare(&v->picture);
	if (drawn)
		cursor_draw(&v->cursor, &v->picture);
	return moved;
}

static bool
begin(struct viewer *v)
{
	struct frame *f = &v->frame;
	unsigned count, news = v->news & SMALL_NEWS, from_y = 0;
	struct fb_rect moved;
	bool copy = look(v, &moved, &from_y);

	f->last_rect = v->knows & KNOWS_LAST_RECT && v->ways.encoding == ENCODING_TIGHT;
	count = collect(v);
	if (!f->n && !copy && !news)
		return false;
	count += copy + count_bits(news);
	write_head(&v->out, f->last_rect ? COUNT_UNKNOWN : (uint16_t)count);
	write_news(v, news);
	if (copy) {
		write_rect(&v->out, moved.x, moved.y, moved.width, moved.height, ENCODING_COPYRECT);
		output_put16(&v->out, moved.x);
		output_put16(&v->out, (uint16_t)from_y);
	}
	f->under_way = true;
	return true;
}

static void
go_on(struct viewer *v)
{
	struct frame *f = &v->frame;

	while (f->next < f->n && output_waiting(&v->out) < OUTPUT_ENOUGH)
		if (!encoder_write(v->encoder, &f->rects[f->next++]))
			die("out of memory");
	if (f->next < f->n)
		return;
	if (f->last_rect)
		write_rect(&v->out, 0, 0, 0, 0, LAST_RECT);
	f->under_way = false;
}

void
viewer_frame(struct viewer *v)
{
	if (v->frame.under_way) {
		go_on(v);
		return;
	}
	if (!v->asked || output_waiting(&v->out))
		return;
	if (v->news & (KNOWS_SIZE | KNOWS_EXTENDED_SIZE)) {
		v->news &= ~(unsigned)(KNOWS_SIZE | KNOWS_EXTENDED_SIZE);
		write_size(v);
		v->asked = false;
		return;
	}
	if (v->stale || timer_now() < v->earliest || !begin(v))
		return;
	v->earliest = timer_now() + 1000 / v->settings->rate;
	v->asked = false;
	go_on(v);
}

/* SPDX-License-Identifier: ISC */
/* What a viewer wants, and what becomes of it. */
#include <string.h>

#include "common/bytes.h"
#include "common/util.h"
#include "vm-vnc/viewer_dev.h"

/* Of one of the viewer's encodings (negative ones are pseudo-encodings): what it knows by it. */
static const struct {
	int32_t encoding;
	unsigned knows;
} pseudo[] = {
	{ENCODING_COPYRECT, KNOWS_COPYRECT},
	{-223, KNOWS_SIZE},
	{-224, KNOWS_LAST_RECT},
	{-239, KNOWS_CURSOR},
	{-257, KNOWS_POINTER_TYPE},
	{-258, KNOWS_KEYS},
	{-261, KNOWS_LEDS},
	{-308, KNOWS_EXTENDED_SIZE},
	{-314, KNOWS_ALPHA_CURSOR},
	{(int32_t)0xc0a1e5ce, KNOWS_CLIPBOARD},
};

static bool
is_ours(int32_t encoding)
{
	return encoding == ENCODING_RAW || encoding == ENCODING_HEXTILE || encoding == ENCODING_ZLIB || encoding == ENCODING_TIGHT ||
		encoding == ENCODING_ZRLE;
}

/* One of the list: the first of those that we write is what it likes best. */
static void
take_encoding(struct viewer *v, int32_t encoding, bool *chosen)
{
	if (is_ours(encoding) && !*chosen) {
		v->ways.encoding = (enum encoding)encoding;
		*chosen = true;
	}
	if (encoding >= -256 && encoding <= -247)
		v->ways.compression = encoding + 256;
	if (encoding >= -32 && encoding <= -23)
		v->ways.quality = encoding + 32;
	for (size_t i = 0; i < ARRAY_LEN(pseudo); i++)
		if (encoding == pseudo[i].encoding)
			v->knows |= pseudo[i].knows;
}

static void
hear_encodings(struct viewer *v, const struct request *r)
{
	unsigned knew = v->knows;
	bool chosen = false;

	v->knows = 0;
	/* Level 1 of tight and zlib costs a fraction of what the others do, and is little larger; who wants them says so. */
	v->ways = (struct encoder_ways){.encoding = ENCODING_RAW, .compression = 1, .quality = -1};
	for (unsigned i = 0; i < r->encodings.count; i++)
		take_encoding(v, (int32_t)get_be32(r->encodings.list + 4 * (size_t)i), &chosen);
	if (v->knows & KNOWS_ALPHA_CURSOR)
		v->knows &= ~(unsigned)KNOWS_CURSOR;
	v->ways.last_rect = v->knows & KNOWS_LAST_RECT;
	encoder_ways(v->encoder, &v->ways);
	v->news &= v->knows;
	viewer_news(v, ~knew & (KNOWS_KEYS | KNOWS_LEDS | KNOWS_POINTER_TYPE | KNOWS_EXTENDED_SIZE));
	if (v->cursor.now.kind)
		viewer_news(v, ~knew & (KNOWS_CURSOR | KNOWS_ALPHA_CURSOR));
	if (v->knows & KNOWS_CLIPBOARD & ~knew)
		clipboard_greet(&v->clipboard, &v->out);
}

static void
hear_update(struct viewer *v, const struct request *r)
{
	if (!r->update.incremental)
		picture_mark(&v->picture, r->update.x, r->update.y, r->update.width, r->update.height, TILE_CHANGED);
	v->asked = true;
}

static void
hear_key(struct viewer *v, const struct request *r)
{
	if (r->key.code && r->key.code <= 0xff)
		keyboard_code(&v->keyboard, (uint8_t)r->key.code, r->key.down);
	else
		keyboard_sym(&v->keyboard, r->key.sym, r->key.down);
}

/* Where it is, across the picture; or how far it was moved, if the guest's pointer can only be moved. */
static void
place(struct viewer *v, const struct request *r, struct fb_pointer *p)
{
	uint16_t x = r->pointer.x, y = r->pointer.y;
	uint32_t w = v->picture.mode.width, h = v->picture.mode.height;

	if (v->relative && v->knows & KNOWS_POINTER_TYPE) { /* QEMU's: 7fff in both is no move */
		p->x = x - 0x7fff;
		p->y = y - 0x7fff;
	} else if (v->relative) {
		p->x = v->placed ? x - v->x : 0;
		p->y = v->placed ? y - v->y : 0;
	} else {
		p->absolute = 1;
		p->x = w > 1 ? (int32_t)(min_u64(x, w - 1) * FB_POINTER_MAX / (w - 1)) : 0;
		p->y = h > 1 ? (int32_t)(min_u64(y, h - 1) * FB_POINTER_MAX / (h - 1)) : 0;
	}
	p->x = p->x < -FB_POINTER_MAX ? -FB_POINTER_MAX : p->x > FB_POINTER_MAX ? FB_POINTER_MAX : p->x;
	p->y = p->y < -FB_POINTER_MAX ? -FB_POINTER_MAX : p->y > FB_POINTER_MAX ? FB_POINTER_MAX : p->y;
	v->x = x;
	v->y = y;
	v->placed = true;
}

/* RFC 6143, 7.5.5: buttons 1 to 3 are the three, a press of 4 to 7 a notch of the wheel up, down, left, right. 8 is "back". */
static void
hear_pointer(struct viewer *v, const struct request *r)
{
	static union fb_message m;
	uint8_t now = r->pointer.buttons, pressed = now & ~v->buttons;

	m.pointer = (struct fb_pointer){.kind = FB_POINTER};
	place(v, r, &m.pointer);
	m.pointer.buttons = (now & 7u) | (now & 0x80 ? FB_BUTTON_SIDE : 0);
	m.pointer.wheel = !!(pressed & 8) - !!(pressed & 16);
	m.pointer.wheel_x = !!(pressed & 64) - !!(pressed & 32);
	v->buttons = now;
	viewer_tell(v, &m);
}

static void
hear_text(struct viewer *v, const struct request *r)
{
	static union fb_message m;
	uint32_t len;

	memset(&m.clipboard, 0, sizeof(m.clipboard));
	len = clipboard_hear(&v->clipboard, r->text.bytes, r->text.len, r->text.extended, m.clipboard.text, &v->out);
	m.clipboard.kind = FB_CLIPBOARD;
	if (len)
		viewer_tell(v, &m);
}

/* The answer is ExtendedDesktopSize, rfbproto 7.8.x: reason 1, asked by this viewer; status 4, passed on, 3, no such layout. */
static void
hear_resize(struct viewer *v, const struct request *r)
{
	static union fb_message m;
	unsigned w = r->resize.width, h = r->resize.height;
	bool possible = w && h && w <= FB_SIDE_MAX && h <= FB_SIDE_MAX;

	v->resize_reason = 1;
	v->resize_status = possible ? 4 : 3;
	m.resize = (struct fb_resize){FB_RESIZE, w, h};
	if (possible)
		viewer_tell(v, &m);
	viewer_news(v, KNOWS_EXTENDED_SIZE);
}

const char *
viewer_hear(struct viewer *v, const struct request *r)
{
	const char *why = NULL;

	switch (r->kind) {
	case REQUEST_NONE:
		break;
	case REQUEST_FORMAT:
		why = encoder_format(v->encoder, &r->format);
		viewer_news(v, v->cursor.now.kind ? KNOWS_CURSOR : 0);
		break;
	case REQUEST_ENCODINGS:
		hear_encodings(v, r);
		break;
	case REQUEST_UPDATE:
		hear_update(v, r);
		break;
	case REQUEST_KEY:
		hear_key(v, r);
		break;
	case REQUEST_POINTER:
		hear_pointer(v, r);
		break;
	case REQUEST_TEXT:
		hear_text(v, r);
		break;
	case REQUEST_RESIZE:
		hear_resize(v, r);
		break;
	}
	return why;
}

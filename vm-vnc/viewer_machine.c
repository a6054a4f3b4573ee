/* SPDX-License-Identifier: ISC */
/* What the machine says, and what of it is news for the viewer. */
#include <sys/mman.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-vnc/viewer_dev.h"

/* Where the machine shows nothing, viewers get black of the size there was, since they know no picture without one. */
static int
blank_picture(struct fb_mode *m, const struct fb_mode *before)
{
	int fd = memfd_create("blank", MFD_CLOEXEC);

	*m = (struct fb_mode){.kind = FB_MODE, .width = before->width ? before->width : 640, .height = before->height ? before->height : 480};
	m->stride = m->width * 4;
	m->size = m->stride * m->height;
	if (fd < 0 || ftruncate(fd, m->size) < 0)
		die_sys("a blank picture");
	return fd;
}

const char *
viewer_change_mode(struct viewer *v)
{
	struct fb_mode mode = v->next_mode, before = v->picture.mode;
	int fd = v->next_fd;
	const char *why;

	v->mode_waits = false;
	if (!mode.width) {
		if (fd >= 0)
			close(fd);
		fd = blank_picture(&mode, &before);
	}
	why = picture_open(&v->picture, &mode, fd);
	if (why)
		return why;
	v->stale = true;
	v->cursor.drawn.width = 0;
	encoder_picture(v->encoder, v->picture.copy, mode.width, mode.height);
	if (v->greeted && (mode.width != before.width || mode.height != before.height)) {
		if (!(v->knows & (KNOWS_SIZE | KNOWS_EXTENDED_SIZE)))
			return "it cannot follow the picture's new size";
		v->news |= v->knows & KNOWS_EXTENDED_SIZE ? KNOWS_EXTENDED_SIZE : KNOWS_SIZE;
	}
	return NULL;
}

/* A frame has said how many rectangles it has: they are written before its picture goes. */
static const char *
take_mode(struct viewer *v, const struct fb_mode *m, int fd)
{
	if (v->mode_waits && v->next_fd >= 0)
		close(v->next_fd);
	v->next_mode = *m;
	v->next_fd = fd;
	v->mode_waits = true;
	return v->frame.under_way ? NULL : viewer_change_mode(v);
}

static void
take_state(struct viewer *v, const struct fb_state *s)
{
	bool relative = !s->absolute;

	if (v->leds != s->leds)
		viewer_news(v, KNOWS_LEDS);
	if (v->relative != relative)
		viewer_news(v, KNOWS_POINTER_TYPE);
	v->leds = s->leds;
	v->keyboard.caps = v->leds & FB_LED_CAPS;
	v->relative = relative;
	v->placed = false;
}

static void
take_damage(struct viewer *v, const struct fb_damage *d)
{
	for (uint32_t i = 0; i < d->count; i++)
		picture_mark(&v->picture, d->rects[i].x, d->rects[i].y, d->rects[i].width, d->rects[i].height, TILE_DOUBTED);
	v->waiting = v->stale = false;
}

/* A viewer that does not read gets no more texts: they would pile up. */
static void
take_text(struct viewer *v, const union fb_message *m, size_t len)
{
	if (v->greeted && output_waiting(&v->out) < OUTPUT_ENOUGH)
		clipboard_tell(&v->clipboard, m->clipboard.text, (uint32_t)(len - offsetof(struct fb_clipboard, text)), &v->out);
}

const char *
viewer_take(struct viewer *v, const union fb_message *m, size_t len, int fd)
{
	switch (m->kind) {
	case FB_MODE:
		return take_mode(v, &m->mode, fd);
	case FB_DAMAGE:
		take_damage(v, &m->damage);
		break;
	case FB_CURSOR:
		if (cursor_take(&v->cursor, &m->cursor))
			viewer_news(v, KNOWS_CURSOR | KNOWS_ALPHA_CURSOR);
		break;
	case FB_STATE:
		take_state(v, &m->state);
		break;
	case FB_CLIPBOARD:
		take_text(v, m, len);
		break;
	}
	return NULL;
}

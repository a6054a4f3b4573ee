/* SPDX-License-Identifier: ISC */
/* Messages of an fb wire; the contracts are in fb.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/fb.h"
#include "common/fd.h"

size_t
fb_length(const union fb_message *m)
{
	switch (m->kind) {
	case FB_MODE:
		return sizeof(m->mode);
	case FB_DAMAGE:
		return offsetof(struct fb_damage, rects) + m->damage.count * sizeof(m->damage.rects[0]);
	case FB_CURSOR:
		if (m->cursor.flags & FB_CURSOR_SHAPE)
			return offsetof(struct fb_cursor, pixels) + sizeof(uint32_t) * m->cursor.width * m->cursor.height;
		return offsetof(struct fb_cursor, pixels);
	case FB_STATE:
		return sizeof(m->state);
	case FB_ASK:
		return sizeof(m->ask);
	case FB_KEY:
		return sizeof(m->key);
	case FB_POINTER:
		return sizeof(m->pointer);
	case FB_RESIZE:
		return sizeof(m->resize);
	case FB_CLIPBOARD:
		return offsetof(struct fb_clipboard, text) + strnlen(m->clipboard.text, FB_CLIPBOARD_MAX);
	}
	return 0;
}

static const char *
mode_fault(const struct fb_mode *m)
{
	uint64_t cells = (uint64_t)m->columns * m->rows;

	if (!m->width != !m->height || m->width > FB_SIDE_MAX || m->height > FB_SIDE_MAX)
		return "a picture of no size, or too large";
	if (m->height && (m->stride < m->width * 4 || m->stride % 4 || m->offset % 4))
		return "rows that overlap, or pixels that are not aligned";
	if (m->height && m->offset + (uint64_t)m->stride * (m->height - 1) + m->width * 4 > m->size)
		return "a picture that ends behind its memory";
	if (!m->columns != !m->rows || m->columns > FB_SIDE_MAX || m->rows > FB_SIDE_MAX || m->text_offset % 2)
		return "text of no size, too large, or not aligned";
	if (cells && m->text_offset + sizeof(struct fb_text_cursor) + 2 * cells > m->size)
		return "text that ends behind its memory";
	return NULL;
}

static const char *
cursor_fault(const struct fb_cursor *c)
{
	if (c->flags & ~(FB_CURSOR_SHOWN | FB_CURSOR_SHAPE))
		return "a cursor with unknown flags";
	if (!(c->flags & FB_CURSOR_SHAPE))
		return NULL;
	if (!c->width || !c->height || c->width > FB_CURSOR_MAX || c->height > FB_CURSOR_MAX)
		return "a cursor of no size, or too large";
	return c->hot_x < c->width && c->hot_y < c->height ? NULL : "a cursor with its hot spot outside";
}

static const char *
pointer_fault(const struct fb_pointer *p)
{
	int32_t least = p->absolute ? 0 : -FB_POINTER_MAX;

	if (p->absolute > 1 || p->x < least || p->y < least || p->x > FB_POINTER_MAX || p->y > FB_POINTER_MAX)
		return "a pointer that is nowhere";
	if (p->wheel < -FB_POINTER_MAX || p->wheel > FB_POINTER_MAX || p->wheel_x < -FB_POINTER_MAX || p->wheel_x > FB_POINTER_MAX)
		return "a wheel that turns too far";
	return NULL;
}

static bool
side_fits(uint32_t n)
{
	return n && n <= FB_SIDE_MAX;
}

static const char *
content_fault(const union fb_message *m, size_t len)
{
	switch (m->kind) {
	case FB_MODE:
		return mode_fault(&m->mode);
	case FB_CURSOR:
		return cursor_fault(&m->cursor);
	case FB_STATE:
		return m->state.absolute > 1 || m->state.leds > 7 ? "lights or a pointer that nobody knows" : NULL;
	case FB_ASK:
		return m->ask.flags & ~FB_ASK_ALL ? "asking with unknown flags" : NULL;
	case FB_KEY:
		return !m->key.code || m->key.code > 0xff || m->key.down > 1 ? "no key" : NULL;
	case FB_POINTER:
		return pointer_fault(&m->pointer);
	case FB_RESIZE:
		return side_fits(m->resize.width) && side_fits(m->resize.height) ? NULL : "a size of nothing, or too large";
	case FB_CLIPBOARD:
		return memchr(m->clipboard.text, 0, len - offsetof(struct fb_clipboard, text)) ? "a text with a NUL" : NULL;
	}
	return NULL;
}

/* The bytes before what counts of it say are there. */
static size_t
least_length(uint32_t kind)
{
	switch (kind) {
	case FB_MODE:
		return sizeof(struct fb_mode);
	case FB_DAMAGE:
		return offsetof(struct fb_damage, rects);
	case FB_CURSOR:
		return offsetof(struct fb_cursor, pixels);
	case FB_STATE:
		return sizeof(struct fb_state);
	case FB_ASK:
		return sizeof(struct fb_ask);
	case FB_KEY:
		return sizeof(struct fb_key);
	case FB_POINTER:
		return sizeof(struct fb_pointer);
	case FB_RESIZE:
		return sizeof(struct fb_resize);
	case FB_CLIPBOARD:
		return offsetof(struct fb_clipboard, text);
	}
	return 0;
}

static bool
may_send(uint32_t kind, bool machine)
{
	return kind == FB_CLIPBOARD || (kind < FB_ASK) == machine;
}

const char *
fb_fault(const union fb_message *m, size_t len, bool from_machine)
{
	size_t least = len < sizeof(m->kind) ? 0 : least_length(m->kind);
	const char *fault;

	if (!least || !may_send(m->kind, from_machine))
		return "a message of an unknown kind";
	if (len < least || len > FB_MESSAGE_MAX)
		return "a message of the wrong length";
	if (m->kind == FB_DAMAGE && m->damage.count > FB_RECTS_MAX)
		return "more rectangles than there may be";
	fault = content_fault(m, len);
	if (fault)
		return fault;
	/* A text ends with its message, and was said to hold no NUL; all others say how long they are. */
	return m->kind == FB_CLIPBOARD || len == fb_length(m) ? NULL : "a message of the wrong length";
}

int
fb_send(int sock, const union fb_message *m, int fd)
{
	size_t len = fb_length(m);

	return fd_send(sock, m, len, &fd, fd >= 0) == (ssize_t)len ? 0 : -1;
}

ssize_t
fb_recv(int sock, bool from_machine, union fb_message *m, int *fd, const char **why)
{
	size_t n = 1;
	ssize_t len;
	const char *fault;

	*fd = -1;
	len = fd_recv(sock, m, sizeof(*m), fd, &n);
	if (len <= 0)
		return len;
	if ((size_t)len < sizeof(*m)) /* of a text, the end */
		memset((char *)m + len, 0, sizeof(*m) - (size_t)len < 4 ? sizeof(*m) - (size_t)len : 4);
	fault = fb_fault(m, (size_t)len, from_machine);
	if (!fault && (n == 1) != (m->kind == FB_MODE && m->mode.size))
		fault = n ? "a descriptor that nobody asked for" : "a mode without its memory";
	if (!fault)
		return len;
	if (n)
		close(*fd);
	*fd = -1;
	if (why)
		*why = fault;
	errno = EBADMSG;
	return -1;
}

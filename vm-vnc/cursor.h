/* SPDX-License-Identifier: ISC */
/* The guest's own pointer: as viewers draw it themselves, or, for those that cannot, drawn into the picture. */
#ifndef VM_VNC_CURSOR_H
#define VM_VNC_CURSOR_H

#include "common/fb.h"
#include "vm-vnc/encoder.h"
#include "vm-vnc/picture.h"

struct cursor {
	struct fb_cursor now; /* kind 0: the machine never told of one */
	struct fb_rect drawn; /* where it is in the picture's copy; width 0: nowhere */
	uint32_t under[FB_CURSOR_MAX * FB_CURSOR_MAX];
};

/* Takes a message of the machine's. True when the shape, or whether there is any, is another now. */
bool cursor_take(struct cursor *c, const struct fb_cursor *m);

/* The rectangle of the pseudo-encodings RichCursor (-239) and Cursor With Alpha (-314), rfbproto 7.8.1 and 7.8.4. */
void cursor_write_rich(const struct cursor *c, const struct encoder *e, struct output *o);
void cursor_write_alpha(const struct cursor *c, struct output *o);

/* Takes it out of the copy, before that is compared; and puts it in where it is now, marking what differs from before. */
void cursor_erase(struct cursor *c, struct picture *p);
void cursor_draw(struct cursor *c, struct picture *p);

#endif

/* SPDX-License-Identifier: ISC */
/* What the parts of a viewer's process share. */
#ifndef VM_VNC_VIEWER_DEV_H
#define VM_VNC_VIEWER_DEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fb.h"
#include "vm-vnc/clipboard.h"
#include "vm-vnc/cursor.h"
#include "vm-vnc/encoder.h"
#include "vm-vnc/keyboard.h"
#include "vm-vnc/output.h"
#include "vm-vnc/picture.h"
#include "vm-vnc/request.h"
#include "vm-vnc/viewer.h"

/* Pseudo-encodings of rfbproto that say what the viewer knows, and news of that kind that wait for it. */
enum {
	KNOWS_COPYRECT = 1 << 0,
	KNOWS_LAST_RECT = 1 << 1,
	KNOWS_SIZE = 1 << 2,
	KNOWS_EXTENDED_SIZE = 1 << 3,
	KNOWS_CURSOR = 1 << 4,
	KNOWS_ALPHA_CURSOR = 1 << 5,
	KNOWS_POINTER_TYPE = 1 << 6,
	KNOWS_KEYS = 1 << 7,
	KNOWS_LEDS = 1 << 8,
	KNOWS_CLIPBOARD = 1 << 9,
};

struct frame {
	struct fb_rect *rects; /* to be written; the first `next` are */
	size_t n, next, cap;
	bool under_way, last_rect;
};

struct viewer {
	int rfb, channel;
	const struct viewer_settings *settings;
	struct output out;
	struct encoder *encoder;
	struct picture picture;
	struct cursor cursor;
	struct clipboard clipboard;
	struct keyboard keyboard;
	struct requests requests;
	struct frame frame;
	uint8_t *in; /* REQUEST_MAX bytes, of which in_len have come */
	size_t in_len;
	bool greeted; /* ServerInit was sent */
	struct encoder_ways ways;
	unsigned knows, news; /* KNOWS_...; all news are of what it knows */
	unsigned resize_reason, resize_status; /* of an ExtendedDesktopSize that waits */
	bool relative;	      /* the guest's pointer is one that can only be moved */
	uint32_t leds;
	bool asked;	      /* the viewer waits for a frame */
	bool waiting;	      /* and so do we, for the machine */
	bool stale;	      /* a new picture: the machine may draw it only when it is asked */
	bool mode_waits;      /* until the frame under way, of the picture before, is written */
	struct fb_mode next_mode;
	int next_fd;
	int64_t earliest;     /* the next frame may be then */
	uint8_t buttons;      /* the pointer as it was last */
	uint16_t x, y;
	bool placed; /* x and y are known */
};

/* viewer_says.c: one request, which is whole. NULL, or why the viewer must go. */
const char *viewer_hear(struct viewer *v, const struct request *r);

/* viewer_machine.c: one valid message of the machine's, of len bytes, with the descriptor that a mode has. NULL, or why the
 * viewer must go. A mode that waits is changed to when no frame is under way. */
const char *viewer_take(struct viewer *v, const union fb_message *m, size_t len, int fd);
const char *viewer_change_mode(struct viewer *v);

/* viewer_frame.c: begins a frame where there is news, or goes on with the one under way, as far as the output has room. */
void viewer_frame(struct viewer *v);

/* viewer.c: to the parent; ends the process when it is gone. */
void viewer_tell(struct viewer *v, const union fb_message *m);

/* There is news that the viewer may know of. */
static inline void
viewer_news(struct viewer *v, unsigned what)
{
	v->news |= what & v->knows;
}

#endif

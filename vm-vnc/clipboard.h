/* SPDX-License-Identifier: ISC */
/* Text that was copied on either side: as RFC 6143 has it, in Latin-1, and as the extended clipboard of rfbproto 7.7.27. */
#ifndef VM_VNC_CLIPBOARD_H
#define VM_VNC_CLIPBOARD_H

#include "common/fb.h"
#include "vm-vnc/output.h"

struct clipboard {
	bool extended;		      /* the viewer knows it */
	struct fb_clipboard ours;     /* the guest's, for when the viewer asks */
	uint32_t ours_len;
};

/* Says what of the extended clipboard we know. */
void clipboard_greet(struct clipboard *c, struct output *o);

/* The guest copied this; its length is len. */
void clipboard_tell(struct clipboard *c, const char *text, uint32_t len, struct output *o);

/* The viewer says this (of kind REQUEST_TEXT). The length of a text for the guest, in out; 0: it said something else. */
uint32_t clipboard_hear(struct clipboard *c, const uint8_t *bytes, uint32_t len, bool extended, char out[FB_CLIPBOARD_MAX], struct output *o);

#endif

/* SPDX-License-Identifier: ISC */
/* A display of our own, for who is not a viewer of RFB: a screenshot, the text in a terminal. */
#ifndef VM_VNC_DISPLAY_H
#define VM_VNC_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fb.h"

struct display {
	int wire;
	struct fb_mode mode; /* width 0: nothing is shown */
	const uint8_t *mem;
};

/* A display on the running vm-vnc whose control socket that is. Its wire; dies when it cannot be had. */
int display_attach(const char *control);

void display_ask(const struct display *d, bool all);

/* Takes one message of the machine's, which it waits for: its kind (enum fb_kind), or 0 at the end. */
uint32_t display_take(struct display *d);

#endif

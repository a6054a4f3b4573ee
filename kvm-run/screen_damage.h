/* SPDX-License-Identifier: ISC */
/* What has changed of a picture: at most FB_RECTS_MAX rectangles, which are joined rather than forgotten. */
#ifndef KVM_RUN_SCREEN_DAMAGE_H
#define KVM_RUN_SCREEN_DAMAGE_H

#include "common/fb.h"

struct screen_damage {
	unsigned n;
	struct fb_rect rects[FB_RECTS_MAX];
};

/* Adds a rectangle, which is not empty. One that continues another to the right or downwards makes that larger. */
void damage_add(struct screen_damage *d, struct fb_rect r);

#endif

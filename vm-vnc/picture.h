/* SPDX-License-Identifier: ISC */
/*
 * The picture as the viewer has it: a copy of the machine's, brought up to date piece by piece as it is sent. The copy is
 * what the encoder reads, so that what it reads does not change under it; and against it false damage is found out.
 */
#ifndef VM_VNC_PICTURE_H
#define VM_VNC_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fb.h"

#define TILE 16 /* pixels of a side: what is compared and sent at least */

struct picture {
	struct fb_mode mode;
	const uint8_t *mem; /* the machine's, which changes at any time; NULL: none */
	uint32_t *copy;	    /* width by height, no gaps */
	uint8_t *tiles;	    /* enum tile, columns by rows */
	unsigned columns, rows;
	bool doubted; /* some tile is not TILE_SAME */
};

enum tile {
	TILE_SAME,
	TILE_DOUBTED, /* the machine said that it has changed */
	TILE_CHANGED, /* to be sent in any case */
};

/* A new picture, black and all of it doubted, from fd (taken; -1 with a mode that has none). NULL or what is wrong. */
const char *picture_open(struct picture *p, const struct fb_mode *mode, int fd);
void picture_close(struct picture *p);

/* Tiles within the rectangle, as far as that is within the picture, become at least `how`. */
void picture_mark(struct picture *p, unsigned x, unsigned y, unsigned w, unsigned h, enum tile how);

/* Looks at the doubted tiles: those that have changed are copied and marked so. */
void picture_compare(struct picture *p);

/* Takes the next rectangle of changed tiles, no more than `area` pixels of it, or false when there is none. */
bool picture_next(struct picture *p, unsigned area, struct fb_rect *r);

/*
 * Whether what was doubted is mostly what was there before, moved up or down. If so it is moved in the copy, too: *r then is
 * where it is now, and *from_y where it was. Before picture_compare, which then finds what else is new. Not while anything
 * must be sent in any case: the viewer may not have what would be moved.
 */
bool picture_scrolled(struct picture *p, struct fb_rect *r, unsigned *from_y);

#endif

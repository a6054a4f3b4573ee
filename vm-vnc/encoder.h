/* SPDX-License-Identifier: ISC */
/*
 * libvncserver as an encoder of rectangles, and nothing else of it: it hears no viewer and draws no cursor. One in a process.
 */
#ifndef VM_VNC_ENCODER_H
#define VM_VNC_ENCODER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/fb.h"
#include "vm-vnc/output.h"

#define ENCODER_AREA (1u << 20) /* pixels of a rectangle at most: what bounds the memory of one */

/* RFC 6143, 7.7 */
enum encoding {
	ENCODING_RAW = 0,
	ENCODING_COPYRECT = 1,
	ENCODING_HEXTILE = 5,
	ENCODING_ZLIB = 6,
	ENCODING_TIGHT = 7,
	ENCODING_ZRLE = 16,
};

/* RFC 6143, 7.4, in host order. */
struct pixel_format {
	uint8_t bits, depth, big_endian, true_colour;
	uint16_t max[3]; /* red, green, blue */
	uint8_t shift[3];
};

struct encoder;

/* How it is said to encode: as the viewer asked. */
struct encoder_ways {
	enum encoding encoding;
	int compression; /* 0-9 */
	int quality;	 /* of JPEG within tight, 0-9; -1: without loss */
	bool last_rect;	 /* the viewer knows LastRect: tight may then send as many rectangles as it likes */
};

/* Writes to o->fd. Dies without memory. Makes all the descriptors that it will ever need. */
struct encoder *encoder_new(struct output *o);

/* The pixels to read, width by height without gaps. */
void encoder_picture(struct encoder *e, uint32_t *pixels, unsigned width, unsigned height);

/* The viewer's pixels: NULL or why they cannot be had. Palettes are had by sending one (of 256 colours). */
const char *encoder_format(struct encoder *e, const struct pixel_format *f);

void encoder_ways(struct encoder *e, const struct encoder_ways *w);

/* What a rectangle becomes how many of; 0: nobody knows before, so that the update must end with LastRect. */
unsigned encoder_count(struct encoder *e, const struct fb_rect *r);

/* Writes one. Its area is at most ENCODER_AREA. False without memory. */
bool encoder_write(struct encoder *e, const struct fb_rect *r);

/* The same pixel in the viewer's format, as many bytes as are returned. */
unsigned encoder_pixel(const struct encoder *e, uint32_t rgb, uint8_t out[4]);

#endif

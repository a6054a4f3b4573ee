/* SPDX-License-Identifier: ISC */
/* A display's description of itself; the contract is in edid.h. Offsets and bits as in VESA E-EDID 1.4, chapter 3. */
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/edid.h"

#define SIDE_MAX 4095
#define REFRESH 60
/* Reduced blanking, VESA CVT 1.1: fixed in pixels across, about half a millisecond down. */
#define H_BLANK 160
#define H_FRONT 48
#define H_SYNC 32
#define V_BLANK 30
#define V_FRONT 3
#define V_SYNC 6
#define DOTS_PER_CM 40 /* about 100 an inch */

/* 3.10.2: the timing of the display's own size, 18 bytes. */
static void
put_timing(uint8_t *t, uint32_t width, uint32_t height)
{
	uint32_t clock = (width + H_BLANK) * (height + V_BLANK) / 10000 * REFRESH;
	uint32_t mm_wide = width * 10 / DOTS_PER_CM, mm_high = height * 10 / DOTS_PER_CM;

	put_le16(t, (uint16_t)clock); /* of 10 kHz */
	t[2] = (uint8_t)width;
	t[3] = H_BLANK;
	t[4] = (uint8_t)(width >> 8 << 4);
	t[5] = (uint8_t)height;
	t[6] = V_BLANK;
	t[7] = (uint8_t)(height >> 8 << 4);
	t[8] = H_FRONT;
	t[9] = H_SYNC;
	t[10] = V_FRONT << 4 | V_SYNC;
	t[12] = (uint8_t)mm_wide;
	t[13] = (uint8_t)mm_high;
	t[14] = (uint8_t)(mm_wide >> 8 << 4 | mm_high >> 8);
	t[17] = 0x1a; /* digital separate sync, horizontal positive: as reduced blanking has it */
}

/* 3.10.3: a text of at most 13 characters. */
static void
put_name(uint8_t *t, const char *name)
{
	size_t len = strlen(name);

	memcpy(t, (const uint8_t[]){0, 0, 0, 0xfc, 0}, 5);
	memset(t + 5, ' ', 13);
	memcpy(t + 5, name, len);
	t[5 + len] = '\n';
}

/* 3.10.3.3: 50 to 125 Hz down, 30 to 160 kHz across, up to 600 MHz. */
static void
put_limits(uint8_t *t)
{
	memcpy(t, (const uint8_t[]){0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 60, 0x01, '\n', ' ', ' ', ' ', ' ', ' ', ' '}, 18);
}

void
edid_make(uint8_t edid[EDID_SIZE], uint32_t width, uint32_t height)
{
	static const uint8_t header[] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
	/* sRGB's primaries and white, 3.7. */
	static const uint8_t chroma[] = {0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54};
	/* 640x480, 800x600 and 1024x768 at 60 Hz, 3.8; then sizes of 16:10, 4:3, 5:4 and 16:9 by 3.9. */
	static const uint8_t modes[] = {0x21, 0x08, 0x00, 0x81, 0x00, 0x81, 0x40, 0x81, 0x80, 0x95, 0x00, 0xa9, 0x40,
	    0xb3, 0x00, 0xd1, 0x00, 0xd1, 0xc0};
	uint8_t sum = 0;

	width = width > SIDE_MAX ? SIDE_MAX : width;
	height = height > SIDE_MAX ? SIDE_MAX : height;
	memset(edid, 0, EDID_SIZE);
	memcpy(edid, header, sizeof(header));
	put_be16(edid + 8, ('K' - '@') << 10 | ('V' - '@') << 5 | ('U' - '@')); /* letters of 5 bits */
	edid[17] = 2026 - 1990; /* the year of the model */
	edid[18] = 1;
	edid[19] = 4;
	edid[20] = 0xa5; /* digital, 8 bits a colour, DisplayPort */
	edid[21] = (uint8_t)(width / DOTS_PER_CM);
	edid[22] = (uint8_t)(height / DOTS_PER_CM);
	edid[23] = 120;	 /* gamma 2.2 */
	edid[24] = 0x06; /* sRGB; the first timing is the display's own */
	memcpy(edid + 25, chroma, sizeof(chroma));
	memcpy(edid + 35, modes, sizeof(modes));
	put_timing(edid + 54, width, height);
	put_limits(edid + 72);
	put_name(edid + 90, "kvm-utils");
	edid[111] = 0x10; /* a dummy, 3.10.3.11 */
	for (unsigned i = 0; i < EDID_SIZE - 1; i++)
		sum = (uint8_t)(sum + edid[i]);
	edid[EDID_SIZE - 1] = (uint8_t)-sum;
}

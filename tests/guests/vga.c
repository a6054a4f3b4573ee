/* SPDX-License-Identifier: ISC */
/* Shows what it is told to, by a letter each on the serial port, and says so when it is there; ends at a q. */
#include "guest.h"

#define ECAM 0xb0000000ULL
#define LINEAR 0xc8000000ULL
#define REGISTERS 0xc9000000ULL
#define TEXT 0xb8000ULL
#define WINDOW 0xa0000ULL
#define LSR 5

static uint8_t
get(void)
{
	while (!(in8(COM1 + LSR) & 1))
		;
	return in8(COM1);
}

static void
dispi(uint16_t reg, uint16_t value)
{
	out16(0x1ce, reg);
	out16(0x1cf, value);
}

static void
reg(uint16_t port, uint8_t i, uint8_t value)
{
	out16(port, (uint16_t)(value << 8 | i));
}

/* Where firmware might put them. */
static void
place_bars(void)
{
	for (unsigned slot = 1; slot < 32; slot++)
		if (MEM32(ECAM + slot * 0x8000ULL) == 0x11111234) {
			MEM32(ECAM + slot * 0x8000ULL + 0x10) = LINEAR;
			MEM32(ECAM + slot * 0x8000ULL + 0x18) = REGISTERS;
			MEM16(ECAM + slot * 0x8000ULL + 4) = 3;
		}
}

static void
text(unsigned row, unsigned column, uint8_t attr, const char *s)
{
	for (uint64_t at = TEXT + 2 * (row * 80 + column); *s; at += 2)
		MEM16(at) = (uint16_t)(attr << 8 | (uint8_t)*s++);
}

static void
cursor(unsigned row, unsigned column)
{
	unsigned at = row * 80 + column;

	reg(0x3d4, 0x0e, (uint8_t)(at >> 8));
	reg(0x3d4, 0x0f, (uint8_t)at);
}

static void
linear(uint16_t width, uint16_t height, uint16_t bits)
{
	dispi(4, 0);
	dispi(1, width);
	dispi(2, height);
	dispi(3, bits);
	dispi(4, 0x41);
}

static void
palette(uint8_t i, uint8_t r, uint8_t g, uint8_t b)
{
	out8(0x3c8, i);
	out8(0x3c9, r);
	out8(0x3c9, g);
	out8(0x3c9, b);
}

/* 16 colours in planes, 640 by 480: what differs from text mode. */
static void
planes(void)
{
	reg(0x3d4, 0x11, 0x0c);
	reg(0x3d4, 0x07, 0x3e);
	reg(0x3d4, 0x12, 0xdf);
	reg(0x3d4, 0x09, 0x40);
	reg(0x3c4, 0x01, 0x01);
	reg(0x3c4, 0x02, 0x0f);
	reg(0x3c4, 0x04, 0x06);
	reg(0x3ce, 0x05, 0x00);
	reg(0x3ce, 0x06, 0x05);
	reg(0x3ce, 0x08, 0xff);
}

/* A pixel's byte, by set/reset: as BIOSes do it. */
static void
plane_pixels(unsigned x, unsigned y, uint8_t colour, uint8_t which)
{
	reg(0x3ce, 0x00, colour);
	reg(0x3ce, 0x01, 0x0f);
	reg(0x3ce, 0x08, which);
	(void)MEM8(WINDOW + y * 80 + x / 8);
	MEM8(WINDOW + y * 80 + x / 8) = 0xff;
}

/* The character A becomes a block, by the way to plane 2. */
static void
font(void)
{
	reg(0x3c4, 0x02, 0x04);
	reg(0x3c4, 0x04, 0x07);
	reg(0x3ce, 0x05, 0x00);
	reg(0x3ce, 0x06, 0x04);
	for (unsigned y = 0; y < 16; y++)
		MEM8(WINDOW + 'A' * 32 + y) = 0xff;
	reg(0x3c4, 0x02, 0x03);
	reg(0x3c4, 0x04, 0x03);
	reg(0x3ce, 0x05, 0x10);
	reg(0x3ce, 0x06, 0x0e);
}

static void
obey(uint8_t c)
{
	switch (c) {
	case 't': /* text, and its cursor */
		text(0, 0, 0x07, "Hello, screen");
		text(24, 76, 0x1f, "\xc9\xcd\xbb" "A");
		cursor(1, 2);
		break;
	case 'f':
		font();
		break;
	case 'l':
		linear(640, 480, 32);
		MEM32(LINEAR) = 0xff112233;
		MEM32(LINEAR + 4 * (479 * 640 + 639)) = 0x445566;
		break;
	case 'p':
		MEM32(LINEAR + 4 * (50 * 640 + 100)) = 0xffffff;
		break;
	case '8':
		linear(800, 600, 8);
		palette(9, 63, 32, 1);
		MEM8(LINEAR + 800 + 5) = 9;
		break;
	case '6':
		linear(800, 600, 16);
		MEM16(LINEAR + 2 * (800 + 5)) = 0x8410;
		break;
	case '3':
		linear(800, 600, 24);
		MEM16(LINEAR + 3 * (800 + 5)) = 0x3412;
		MEM8(LINEAR + 3 * (800 + 5) + 2) = 0x56;
		break;
	case 'b': /* the second bank */
		dispi(5, 1);
		MEM8(WINDOW + 4) = 0xab;
		break;
	case 's': /* panned, by the other way to the registers */
		MEM16(REGISTERS + 0x500 + 2 * 9) = 1;
		break;
	case 'n':
		dispi(4, 0);
		planes();
		plane_pixels(16, 100, 4, 0x80);
		break;
	}
}

void
guest_main(const struct start_info *info)
{
	(void)info;
	place_bars();
	print("up\n");
	for (uint8_t c; (c = get()) != 'q';) {
		obey(c);
		out8(COM1, c);
	}
}

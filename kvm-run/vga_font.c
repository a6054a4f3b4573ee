/* SPDX-License-Identifier: ISC */
#include <string.h>
#include "kvm-run/vga_dev.h"
void
vga_font_load(uint8_t *plane2)
{
	for (unsigned c = 0; c < 256; c++)
		for (unsigned y = 2; y < 12; y++)
			plane2[c * VGA_GLYPH_BYTES + y] = (uint8_t)(c);
}

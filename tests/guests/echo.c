/* SPDX-License-Identifier: ISC */
/* Prints `talk` lines, then echoes `count` bytes, or, without a count, bytes up to a q. Options on the command line. */
#include "guest.h"

#define LSR 5
#define LSR_DR 1

static uint8_t
get(void)
{
	while (!(in8(COM1 + LSR) & LSR_DR))
		;
	return in8(COM1);
}

void
guest_main(const struct start_info *info)
{
	uint64_t talk = cmdline_num(info, "talk"), count = cmdline_num(info, "count");

	out8(COM1 + 2, 1); /* the FIFO */
	for (uint64_t i = 1; i <= talk; i++) {
		print("line ");
		print_num(i);
		print("\n");
	}
	for (uint64_t n = 0; !count || n < count; n++) {
		uint8_t c = get();

		if (!count && c == 'q')
			break;
		out8(COM1, c);
	}
}

/* SPDX-License-Identifier: ISC */
/* Starts every processor, says so, and keeps them all busy for ever; those that are plugged in later, too. */
#include "guest.h"

void
guest_main(const struct start_info *info)
{
	static const uint8_t jump_here[] = {0xeb, 0xfe};

	(void)info;
	start_others(jump_here, sizeof(jump_here));
	print("spinning\n");
	for (;;) {
		for (volatile uint32_t i = 0; i < 1 << 18; i++)
			;
		start_others(jump_here, sizeof(jump_here));
	}
}

/* SPDX-License-Identifier: ISC */
/* Starts every processor, says so, and keeps them all busy for ever. */
#include "guest.h"

void
guest_main(const struct start_info *info)
{
	static const uint8_t jump_here[] = {0xeb, 0xfe};

	(void)info;
	start_others(jump_here, sizeof(jump_here));
	print("spinning\n");
	for (;;)
		;
}

/* SPDX-License-Identifier: ISC */
/* Says so, then reads a byte of every page from 8 to 60 MiB, again and again. */
#include "guest.h"

void
guest_main(const struct start_info *info)
{
	(void)info;
	print("walking\n");
	for (;;)
		for (uint64_t p = 8 << 20; p < 60 << 20; p += 4096)
			(void)MEM8(p);
}

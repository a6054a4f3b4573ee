/* SPDX-License-Identifier: ISC */
/* Says so, then reads a byte of every page from 8 to 60 MiB, again and again. With fill=N on the command line it writes to the
 * first N of those pages before, to each something else. */
#include "guest.h"

#define START (8ULL << 20)
#define END (60ULL << 20)
#define PAGE 4096

void
guest_main(const struct start_info *info)
{
	uint64_t fill = cmdline_num(info, "fill");

	for (uint64_t i = 0; i < fill; i++)
		MEM64(START + i * PAGE) = i + 1;
	print("walking\n");
	for (;;)
		for (uint64_t p = START; p < END; p += PAGE)
			(void)MEM8(p);
}

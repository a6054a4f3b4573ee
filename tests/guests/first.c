/* SPDX-License-Identifier: ISC */
/* Says at once that it is there, in the word that tests/tools/meter waits for, and then nothing more. */
#include "guest.h"

void
guest_main(const struct start_info *info)
{
	(void)info;
	print("L2UP\n");
	for (;;)
		__asm__ volatile("hlt");
}

/* SPDX-License-Identifier: ISC */
/* Does nothing, and hears nothing: no button, no input. */
#include "guest.h"

void
guest_main(const struct start_info *info)
{
	(void)info;
	for (;;)
		__asm__ volatile("hlt");
}

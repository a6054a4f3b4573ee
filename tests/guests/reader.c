/* SPDX-License-Identifier: ISC */
/* Says that it is up, then does nothing but read a device's registers, so that it is always in the midst of a read. */
#include "guest.h"

#define ECAM 0xb0000000ULL

void
guest_main(const struct start_info *info)
{
	(void)info;
	print("up\n");
	for (;;)
		(void)MEM32(ECAM);
}

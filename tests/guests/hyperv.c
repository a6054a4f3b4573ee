/* SPDX-License-Identifier: ISC */
/* Tells Hyper-V of its end by an MSR: with crash=1 of a crash, with reset=1 it asks for a reset (TLFS 6.0b, 3.5 and 12.6.1). */
#include "guest.h"

#define MSR_RESET 0x40000003
#define MSR_CRASH_CONTROL 0x40000105
#define CRASH_NOTIFY 0x80000000 /* of the upper half */

static void
wrmsr(uint32_t msr, uint32_t low, uint32_t high)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"(low), "d"(high));
}

void
guest_main(const struct start_info *info)
{
	print("it ends\n");
	if (cmdline_num(info, "crash"))
		wrmsr(MSR_CRASH_CONTROL, 0, CRASH_NOTIFY);
	if (cmdline_num(info, "reset"))
		wrmsr(MSR_RESET, 1, 0);
	for (;;)
		__asm__ volatile("hlt");
}

/* SPDX-License-Identifier: ISC */
/* Talks to Hyper-V by MSRs: with synic=1 it turns the controller of synthetic interrupts on and prints that it is, with crash=1
 * it tells of a crash, with reset=1 it asks for a reset (TLFS 6.0b, 11.8.1, 12.6.1 and 3.5). */
#include "guest.h"

#define MSR_SCONTROL 0x40000080
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
	if (cmdline_num(info, "synic")) {
		uint32_t low, high;

		wrmsr(MSR_SCONTROL, 1, 0);
		__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(MSR_SCONTROL));
		print("synic ");
		print_num(low);
		print("\n");
		return;
	}
	print("it ends\n");
	if (cmdline_num(info, "crash"))
		wrmsr(MSR_CRASH_CONTROL, 0, CRASH_NOTIFY);
	if (cmdline_num(info, "reset"))
		wrmsr(MSR_RESET, 1, 0);
	for (;;)
		__asm__ volatile("hlt");
}

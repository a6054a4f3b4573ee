/* SPDX-License-Identifier: ISC */
/* Starts every other processor as an operating system does and prints "cpus STARTED of TOLD": those seen running, with
 * an APIC id of their own each, and those that the MADT tells of. */
#include "guest.h"

#define AP_BITMAP 0x9000
#define AP_COUNT 0x9100

extern const uint8_t ap_code[], ap_code_end[];

/* Enabled local APIC entries of the MADT (ACPI 6.5, 5.2.12), found by way of RSDP and XSDT. */
static unsigned
cpus_told(uint64_t rsdp)
{
	uint64_t xsdt = MEM64(rsdp + 24), madt = 0;
	unsigned n = 0;

	for (uint64_t p = xsdt + 36; p < xsdt + MEM32(xsdt + 4); p += 8)
		if (MEM32(MEM64(p)) == 0x43495041) /* APIC */
			madt = MEM64(p);
	if (!madt)
		return 0;
	for (uint64_t p = madt + 44; p < madt + MEM32(madt + 4) && MEM8(p + 1); p += MEM8(p + 1))
		n += MEM8(p) == 0 && (MEM32(p + 4) & 1);
	return n;
}

static unsigned
ids_seen(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 256; i++)
		n += MEM8(AP_BITMAP + i / 8) >> i % 8 & 1;
	return n;
}

void
guest_main(const struct start_info *info)
{
	unsigned told = cpus_told(info->rsdp);

	for (unsigned i = 0; i < 0x200; i += 8)
		MEM64(AP_BITMAP + i) = 0;
	start_others(ap_code, (size_t)(ap_code_end - ap_code));
	for (unsigned ms = 0; MEM32(AP_COUNT) + 1 < told && ms < 30000; ms += 10)
		wait_ms(10);
	wait_ms(20); /* for one that should not be there */
	print("cpus ");
	print_num(MEM32(AP_COUNT) == ids_seen() ? ids_seen() + 1 : 0);
	print(" of ");
	print_num(told);
	print("\n");
}

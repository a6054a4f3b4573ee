/* SPDX-License-Identifier: ISC */
/* Prints what CPUID says, as "LEAF.INDEX EAX EBX ECX EDX" in hexadecimal: every leaf that is not empty of the basic, the extended
 * and the hypervisor's leaves, with the first 20 indices of those that have some. */
#include "guest.h"

#define INDICES 20

static void
print_hex(uint32_t v, const char *after)
{
	char text[9] = {0};

	for (unsigned i = 0; i < 8; i++)
		text[i] = "0123456789abcdef"[v >> (28 - 4 * i) & 15];
	print(text);
	print(after);
}

static void
print_leaf(uint32_t leaf, uint32_t index)
{
	uint32_t a = leaf, b, c = index, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if (!(a | b | c | d))
		return;
	print_hex(leaf, ".");
	print_num(index);
	print(" ");
	print_hex(a, " ");
	print_hex(b, " ");
	print_hex(c, " ");
	print_hex(d, "\n");
}

static void
print_range(uint32_t from, uint32_t most)
{
	uint32_t last = from, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(last), "=b"(b), "+c"(c), "=d"(d));
	for (uint32_t leaf = from; leaf <= last && leaf <= from + most; leaf++)
		for (uint32_t i = 0; i < (leaf == 4 || leaf == 7 || leaf == 0xd || leaf == 0x8000001d ? INDICES : 1); i++)
			print_leaf(leaf, i);
}

void
guest_main(const struct start_info *info)
{
	(void)info;
	print_range(0, 0x40);
	print_range(0x40000000, 0x20);
	print_range(0x40000100, 0x20);
	print_range(0x80000000, 0x40);
}

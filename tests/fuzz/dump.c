/* SPDX-License-Identifier: ISC */
/* links: kvm-run/dump_map.c kvm-run/mem.c */
/* Page tables of any content: what they map is RAM, and walking them ends; nothing outside of RAM is read (ASan). */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/dump_map.h"

#define RAM (64U << 10)
#define MAX 64

static void
must(bool held)
{
	if (!held)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: cr3, then a byte of the mode's bits, then RAM from 0 on. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dump_piece pieces[] = {{.gpa = 0, .size = RAM / 2}, {.gpa = MEM_HIGH_START, .size = RAM / 2}};
	struct dump_mapping v[MAX];
	struct guest_mem mem = {.size = RAM, .low_size = RAM / 2, .high_size = RAM / 2, .fd = -1, .page = 4096};
	struct dump_maps m = {.mem = &mem, .pieces = pieces, .npieces = 2, .v = v, .max = MAX};
	struct kvm_sregs s = {.cr0 = 1U << 31};

	if (size < 5 || size - 5 > RAM)
		return 0;
	s.cr3 = get_le32(data);
	s.cr4 = (data[4] & 0x30) | (data[4] & 1U) << 12;
	s.efer = (data[4] & 2U) << 9;
	mem.base = calloc(1, RAM);
	memcpy(mem.base, data + 5, size - 5);
	dump_maps_init(&m);
	m.budget = 2000;
	dump_maps_add(&m, &s);
	s.cr3 ^= 0x1000;
	dump_maps_add(&m, &s);
	must(m.n <= MAX && m.budget <= 2000);
	for (size_t i = 0; i < m.n; i++)
		must(v[i].size && guest_ptr(&mem, v[i].phys, v[i].size));
	free(mem.base);
	return 0;
}

/* links: kvm-run/smbios.c */
/* SPDX-License-Identifier: ISC */
/* The SMBIOS tables, walked as firmware walks them. */
#include "kvm-run/smbios.h"
#include "tests/unit/tap.h"

/* The structure behind this one: past its strings, which an empty one ends. */
static const uint8_t *
next(const uint8_t *p, const uint8_t *end)
{
	for (p += p[1]; p + 1 < end && (p[0] || p[1]); p++)
		;
	return p + 2;
}

int
main(void)
{
	struct smbios s, other;
	const uint8_t *p, *end;

	smbios_make(&s, 12345);
	end = s.tables + s.tables_size;
	ok(!memcmp(s.anchor, "_SM_", 4) && s.anchor[5] == sizeof(s.anchor) && !memcmp(s.anchor + 16, "_DMI_", 5), "an anchor");
	ok(s.anchor[22] == s.tables_size && s.anchor[28] == 2, "that tells size and number");
	p = s.tables;
	ok(p[0] == 1 && p[1] == 27, "the system first");
	is((const char *)p + 27, "kvm-utils", "who made it");
	is((const char *)p + 37, "kvm-run", "and what it is");
	ok(!memcmp(p + 8, s.uuid, 16) && p[15] >> 4 == 8 && p[16] >> 6 == 2, "a UUID of version 8");
	ok(s.anchor[8] == next(p, end) - p, "it is the largest");
	p = next(p, end);
	ok(p[0] == 127 && next(p, end) == end, "the end is the end");
	smbios_make(&other, 12345);
	ok(!memcmp(s.uuid, other.uuid, 16), "the same seed has the same UUID");
	smbios_make(&other, 12346);
	ok(memcmp(s.uuid, other.uuid, 8) && memcmp(s.uuid + 8, other.uuid + 8, 8), "another has another");
	return tap_done();
}

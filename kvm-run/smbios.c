/* SPDX-License-Identifier: ISC */
/* SMBIOS tables; structures and section numbers are those of DMTF DSP0134 2.8. */
#include <string.h>

#include "kvm-run/smbios.h"

#define TYPE_SYSTEM 1
#define TYPE_END 127
#define WAKE_POWER_SWITCH 6
#define HANDLE_SYSTEM 0x100
#define HANDLE_END 0x7f00

/* 5.2.1 */
struct anchor {
	char string[4];
	uint8_t checksum, length, major, minor;
	uint16_t largest; /* structure, with its strings */
	uint8_t revision, formatted[5];
	char dmi[5];
	uint8_t dmi_checksum;
	uint16_t tables_size;
	uint32_t address;
	uint16_t structures;
	uint8_t bcd;
} __attribute__((packed));
_Static_assert(sizeof(struct anchor) == SMBIOS_ANCHOR_SIZE, "DSP0134, 5.2.1");

/* 7.2; strings are numbered, 0 is none */
struct system {
	uint8_t type, length;
	uint16_t handle;
	uint8_t manufacturer, product, version, serial;
	uint8_t uuid[16];
	uint8_t wake, sku, family;
} __attribute__((packed));
_Static_assert(sizeof(struct system) == 27, "DSP0134, 7.2");

static const char system_strings[] = "kvm-utils\0kvm-run\0" VERSION "\0"; /* and the compiler's NUL: the end */

struct end {
	uint8_t type, length;
	uint16_t handle;
	char strings[2]; /* none */
} __attribute__((packed));

/* RFC 9562, version 8: bits of our own making. The first fields are little endian here. */
static void
make_uuid(uint8_t uuid[16], uint64_t seed)
{
	uint64_t other = (seed ^ seed >> 29) * 0xbf58476d1ce4e5b9ULL;

	memcpy(uuid, &seed, 8);
	memcpy(uuid + 8, &other, 8);
	uuid[7] = (uint8_t)((uuid[7] & 0x0f) | 0x80);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static void
put(struct smbios *s, const void *bytes, size_t len)
{
	memcpy(s->tables + s->tables_size, bytes, len);
	s->tables_size += len;
}

void
smbios_make(struct smbios *s, uint64_t seed)
{
	struct system system = {.type = TYPE_SYSTEM, .length = sizeof(system), .handle = HANDLE_SYSTEM, .manufacturer = 1,
	    .product = 2, .version = 3, .wake = WAKE_POWER_SWITCH};
	const struct end end = {.type = TYPE_END, .length = 4, .handle = HANDLE_END};
	struct anchor anchor = {.string = "_SM_", .length = sizeof(anchor), .major = 2, .minor = 8,
	    .largest = sizeof(system) + sizeof(system_strings), .dmi = "_DMI_", .structures = 2, .bcd = 0x28};

	*s = (struct smbios){0};
	make_uuid(s->uuid, seed);
	memcpy(system.uuid, s->uuid, sizeof(system.uuid));
	put(s, &system, sizeof(system));
	put(s, system_strings, sizeof(system_strings));
	put(s, &end, sizeof(end));
	anchor.tables_size = (uint16_t)s->tables_size;
	memcpy(s->anchor, &anchor, sizeof(anchor));
}

/* links: vm-dhcpd/dname.c */
/* SPDX-License-Identifier: ISC */
/* Domain names of packets, and the buffer in which packets grow. */
#include "common/bytes.h"
#include "tests/unit/tap.h"
#include "vm-dhcpd/put.h"
#include "vm-dhcpd/dname.h"

static void
encodes(const char *name, const char *want, size_t len)
{
	uint8_t out[DNAME_MAX];

	ok(dname_encode(name, out) == len && !memcmp(out, want, len), "%s", name);
}

static void
test_names(void)
{
	char label[65], name[300] = "";
	uint8_t out[DNAME_MAX];

	encodes("a", "\1a", 3);
	encodes("example.org", "\7example\3org", 13);
	encodes("example.org.", "\7example\3org", 13);
	encodes("_x-1.Y", "\4_x-1\1Y", 8);
	for (const char *const *bad = (const char *const[]){"", ".", "..", ".a", "a..b", "a b", "a.b..", "\xff", "a/b", NULL}; *bad; bad++)
		ok(!dname_encode(*bad, out), "refused: '%s'", *bad);
	memset(label, 'x', 64);
	label[64] = '\0';
	ok(!dname_encode(label, out), "a label of 64");
	label[63] = '\0';
	ok(dname_encode(label, out) == 65, "a label of 63");
	for (int i = 0; i < 4; i++)
		snprintf(name + strlen(name), sizeof(name) - strlen(name), "%.*s.", i == 3 ? 61 : 63, label);
	ok(dname_encode(name, out) == 255 && out[254] == 0, "a name of 255");
	strcpy(name + strlen(name) - 1, "x");
	ok(!dname_encode(name, out), "a name of 256");
}

static void
test_put(void)
{
	uint8_t buf[8];
	struct put b = {.buf = buf, .size = sizeof(buf)};

	put8(&b, 1);
	put16(&b, 0x0203);
	put32(&b, 0x04050607);
	ok(b.len == 7 && !memcmp(buf, "\1\2\3\4\5\6\7", 7) && !b.full, "numbers");
	ok(get_be16(buf + 1) == 0x0203 && get_be32(buf + 3) == 0x04050607, "and back");
	put_bytes(&b, "xx", 2);
	ok(b.len == 7 && b.full, "what does not fit is left out");
	put8(&b, 8);
	ok(b.len == 8 && b.full, "what fits still goes in");
	put_bytes(&b, NULL, 0);
	ok(b.len == 8, "nothing");
}

int
main(void)
{
	test_names();
	test_put();
	return tap_done();
}

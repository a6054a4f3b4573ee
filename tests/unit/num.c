/* SPDX-License-Identifier: ISC */
/* Numbers, sizes and MAC addresses from text. */
#include <stdint.h>

#include "common/num.h"
#include "tests/unit/tap.h"

static void
test_num(void)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} cases[] = {
	    {"0", true, 0},
	    {"10", true, 10},
	    {"0010", true, 10},
	    {"18446744073709551615", true, UINT64_MAX},
	    {"18446744073709551616", false, 0},
	    {"99999999999999999999", false, 0},
	    {"", false, 0},
	    {" 1", false, 0},
	    {"1 ", false, 0},
	    {"+1", false, 0},
	    {"-1", false, 0},
	    {"0x10", false, 0},
	    {"1K", false, 0},
	};
	uint64_t v;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		bool good = num_parse(cases[i].text, 0, UINT64_MAX, &v);

		ok(good == cases[i].good && (!good || v == cases[i].value), "num '%s'", cases[i].text);
	}
	v = 7;
	ok(!num_parse("3", 4, 9, &v) && !num_parse("10", 4, 9, &v) && v == 7, "num out of range leaves the result alone");
	ok(num_parse("4", 4, 9, &v) && num_parse("9", 4, 9, &v), "num at the ends of the range");
}

static void
test_size(void)
{
	static const struct {
		const char *text;
		uint64_t unit, value; /* 0 = refused */
	} cases[] = {
	    {"64", 1 << 20, 64ULL << 20},
	    {"64", 1, 64},
	    {"64K", 1 << 20, 64ULL << 10},
	    {"64k", 1 << 20, 64ULL << 10},
	    {"3M", 1, 3ULL << 20},
	    {"4G", 1, 4ULL << 30},
	    {"2T", 1, 2ULL << 40},
	    {"16777216T", 1, 0},
	    {"18014398509481984K", 1, 0},
	    {"1P", 1, 0},
	    {"1KB", 1, 0},
	    {"K", 1, 0},
	    {"1.5G", 1, 0},
	    {"", 1, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint64_t v = 0;
		bool good = size_parse(cases[i].text, cases[i].unit, 1, UINT64_MAX, &v);

		ok(good == !!cases[i].value && v == cases[i].value, "size '%s'", cases[i].text);
	}
}

static void
test_mac(void)
{
	static const char *const bad[] = {"", "52:54:00:12:34", "52:54:00:12:34:5", "52:54:00:12:34:56:78", "52-54-00-12-34-56",
	    "52:54:00:12:34:5g", "00:00:00:00:00:00", "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "52:54:00:12:34:56 "};
	static const uint8_t want[6] = {0x52, 0x54, 0x00, 0xab, 0xCD, 0xef};
	uint8_t mac[6];

	ok(mac_parse("52:54:00:ab:CD:ef", mac) && !memcmp(mac, want, 6), "mac of either case");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!mac_parse(bad[i], mac), "mac '%s' is refused", bad[i]);
}

int
main(void)
{
	test_num();
	test_size();
	test_mac();
	return tap_done();
}

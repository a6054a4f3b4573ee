/* SPDX-License-Identifier: ISC */
/* Names of interfaces. */
#include "common/iface.h"
#include "tests/unit/tap.h"

int
main(void)
{
	static const char *const bad[] = {"", ".", "..", "sixteen-is-a-lot", "a/b", "a:1", "a b", "a\tb", "a\n", "/"};
	static const char *const good[] = {"br0", "...", "fifteen-letters", "eth0.100", "tap-1_2", "\xc3\xa9"};
	unsigned wrong = 0;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		wrong += !iface_name_fault(bad[i]) || !iface_pattern_fault(bad[i]);
	ok(!wrong, "what the kernel refuses");
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		wrong += iface_name_fault(good[i]) || iface_pattern_fault(good[i]);
	ok(!wrong, "what it takes");
	ok(iface_name_fault("tap%d") && !iface_pattern_fault("tap%d") && !iface_pattern_fault("%d"), "a number left to it");
	ok(iface_pattern_fault("tap%d%d") && iface_pattern_fault("tap%") && iface_pattern_fault("%s") && iface_pattern_fault("%%d"),
	    "one alone, and nothing else with a %%");
	return tap_done();
}

/* links: vm-pin/cpulist.c */
/* SPDX-License-Identifier: ISC */
/* Sets of CPUs: as lists and masks, and what is done with them. */
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "tests/unit/tap.h"
#include "vm-pin/cpulist.h"

static void
test_parse(void)
{
	static const struct {
		const char *text, *list; /* NULL: refused */
	} cases[] = {
	    {"", ""},
	    {"0", "0"},
	    {"0-3", "0-3"},
	    {"7,0-1,3", "0-1,3,7"},
	    {"3,3,2-4", "2-4"},
	    {"0-7:2", "0,2,4,6"},
	    {"1-8:3,20", "1,4,7,20"},
	    {"8191", "8191"},
	    {"0-8191", "0-8191"},
	    {"63-64", "63-64"},
	    {"0x1", "0"},
	    {"0xF0", "4-7"},
	    {"0x1,00000000", "32"},
	    {"0xffffffff,ffffffff", "0-63"},
	    {"8192", NULL},
	    {"3-1", NULL},
	    {"1-", NULL},
	    {"-1", NULL},
	    {",", NULL},
	    {"1,", NULL},
	    {"1,,2", NULL},
	    {"0-7:0", NULL},
	    {"1:2", NULL},
	    {"0-3-5", NULL},
	    {"0x", NULL},
	    {"0x,1", NULL},
	    {"0x1,", NULL},
	    {"0xg", NULL},
	    {"all", NULL},
	    {" 1", NULL},
	    {"4294967296", NULL},
	    {"  (null)", NULL}, /* what some kernels have in nohz_full */
	};
	char text[CPULIST_TEXT];
	struct cpus c;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		bool good = cpus_parse(&c, cases[i].text);

		ok(good == !!cases[i].list && (!good || !strcmp(cpus_text(&c, text, sizeof(text)), cases[i].list)), "'%s'", cases[i].text);
	}
}

/* A digit more than the largest mask: zeroes are no CPUs, ones are too many. */
static void
test_long_mask(void)
{
	char mask[2 + CPUS_MAX / 4 + 2] = "0x";
	struct cpus c;

	memset(mask + 2, '0', CPUS_MAX / 4 + 1);
	mask[3] = '8';
	ok(cpus_parse(&c, mask) && cpus_next(&c, 0) == CPUS_MAX - 1, "the highest CPU by a mask");
	mask[2] = '1';
	ok(!cpus_parse(&c, mask), "one beyond it");
}

static void
test_text(void)
{
	char text[12];
	struct cpus c;

	cpus_parse(&c, "0,2,4,6");
	ok(!strcmp(cpus_text(&c, text, sizeof(text)), "0,2,4,6"), "a list that just fits");
	cpus_parse(&c, "0,2,4,6,100");
	ok(!strcmp(cpus_text(&c, text, sizeof(text)), "0,2,4,6..."), "one that does not");
}

static void
test_sets(void)
{
	struct cpus a, b, c;

	cpus_parse(&a, "0-3,64");
	cpus_parse(&b, "2-5");
	ok(cpus_count(&a) == 5 && cpus_count(&b) == 4, "count");
	ok(cpus_has(&a, 64) && !cpus_has(&a, 63) && !cpus_has(&a, CPUS_MAX), "has");
	ok(cpus_next(&a, 4) == 64 && cpus_next(&a, 65) == CPUS_MAX && cpus_next(&a, CPUS_MAX) == CPUS_MAX, "next");
	c = a;
	cpus_and(&c, &b);
	ok(cpus_count(&c) == 2 && cpus_next(&c, 0) == 2 && cpus_within(&c, &a) && cpus_within(&c, &b), "and");
	cpus_or(&c, &b);
	ok(cpus_equal(&c, &b), "or");
	cpus_without(&c, &a);
	ok(cpus_count(&c) == 2 && cpus_has(&c, 5) && !cpus_meet(&c, &a) && cpus_meet(&c, &b), "without");
	cpus_del(&c, 4);
	cpus_del(&c, 5);
	ok(cpus_empty(&c) && cpus_within(&c, &a) && !cpus_within(&a, &c), "empty");
	cpus_add(&c, CPUS_MAX - 1);
	ok(cpus_next(&c, 0) == CPUS_MAX - 1, "add");
}

int
main(void)
{
	test_parse();
	test_long_mask();
	test_text();
	test_sets();
	return tap_done();
}

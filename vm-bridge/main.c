/* SPDX-License-Identifier: ISC */
/* vm-bridge: the segments that guests are plugged into. The first word says what to do. */
#include <string.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-bridge/verbs.h"

static const char usage[] =
    "usage: vm-bridge list\n";

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
    {"list", verb_list},
};

int
main(int argc, char **argv)
{
	diag_init(argv[0], 1);
	diag_long_options(argc, argv, usage);
	if (argc < 2)
		die_usage("no verb (try --help)");
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	die_usage("%s: no such verb (try --help)", argv[1]);
}

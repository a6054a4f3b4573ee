/* SPDX-License-Identifier: ISC */
/* The verbs that only look: host, show, check. */
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "vm-pin/check.h"
#include "vm-pin/commands.h"
#include "vm-pin/host.h"
#include "vm-pin/read.h"
#include "vm-pin/show.h"

/* The options that they have: -j. */
static struct printer
options(int argc, char **argv, int otherwise)
{
	struct printer p = {.form = otherwise};

	while (next_option(argc, argv, "+:jqv") >= 0)
		p.form = PRINT_JSON;
	return p;
}

int
cmd_host(int argc, char **argv)
{
	struct printer p = options(argc, argv, PRINT_KEYS);
	uint64_t reserve = SHOW_RESERVE;

	if (optind < argc && !size_parse(argv[optind++], 1 << 20, 0, INT64_MAX, &reserve))
		die_usage("%s: not a size", argv[optind - 1]);
	if (optind < argc)
		die_usage("%s: one word too many (try --help)", argv[optind]);
	show_host(&p, host_root("/"), reserve);
	read_complete();
	return 0;
}

int
cmd_show(int argc, char **argv)
{
	struct printer p = options(argc, argv, PRINT_ROWS);
	int root = host_root("/");
	const char *reason;
	struct guest g;
	struct why w;

	if (argc - optind > 1)
		die_usage("%s: one guest at a time (try --help)", argv[optind + 1]);
	if (optind == argc) {
		show_guests(&p, root);
		read_complete();
		return 0;
	}
	reason = guest_find(&g, root, argv[optind], &w);
	if (reason)
		die("%s: %s", argv[optind], reason);
	show_guest(&p, root, &g);
	read_complete();
	guest_free(&g);
	return 0;
}

int
cmd_check(int argc, char **argv)
{
	struct printer p = options(argc, argv, PRINT_ROWS);

	return check_guests(&p, host_root("/"), argv + optind, (size_t)(argc - optind)) > 0;
}

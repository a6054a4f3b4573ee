/* SPDX-License-Identifier: ISC */
/* vm-pin host. */
#include "common/diag.h"
#include "vm-pin/commands.h"

int
cmd_host(int argc, char **argv)
{
	while (next_option(argc, argv, "+:jqv") >= 0)
		;
	die_usage("%s: not made yet", argv[0]);
}

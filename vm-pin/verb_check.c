/* SPDX-License-Identifier: ISC */
/* vm-pin check. */
#include "common/diag.h"
#include "vm-pin/commands.h"

int
cmd_check(int argc, char **argv)
{
	while (next_option(argc, argv, "+:qv") >= 0)
		;
	die_usage("%s: not made yet", argv[0]);
}

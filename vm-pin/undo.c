/* SPDX-License-Identifier: ISC */
/* vm-pin undo. */
#include "common/diag.h"
#include "vm-pin/commands.h"

int
cmd_undo(int argc, char **argv)
{
	while (next_option(argc, argv, "+:qv") >= 0)
		;
	die_usage("%s: not made yet", argv[0]);
}

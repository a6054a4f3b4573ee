/* SPDX-License-Identifier: ISC */
/* vm-pin as a loader. */
#include "common/diag.h"
#include "vm-pin/commands.h"

int
cmd_load(int argc, char **argv)
{
	while (next_option(argc, argv, "+:qv") >= 0)
		;
	die_usage("not made yet");
}

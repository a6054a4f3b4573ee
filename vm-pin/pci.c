/* SPDX-License-Identifier: ISC */
/* vm-pin pci. */
#include "common/diag.h"
#include "vm-pin/commands.h"

int
cmd_pci(int argc, char **argv)
{
	while (next_option(argc, argv, "+:qv") >= 0)
		;
	die_usage("%s: not made yet", argv[0]);
}

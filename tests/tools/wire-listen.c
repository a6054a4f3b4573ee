/* SPDX-License-Identifier: ISC */
/* wire-listen PATH PROG ...: a listening Unix socket as a ctl wire. */
#include <stdio.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/wire.h"

int
main(int argc, char **argv)
{
	char word[32];
	int fd;

	diag_init(argv[0], 125);
	if (argc < 3)
		die_usage("usage: wire-listen PATH PROG ...");
	fd = fd_listen_unix(argv[1]);
	if (fd < 0)
		die_sys("%s", argv[1]);
	snprintf(word, sizeof(word), "ctl,fd=%d", fd_move_high(fd));
	wire_export(word);
	wire_exec(argv + 2);
}

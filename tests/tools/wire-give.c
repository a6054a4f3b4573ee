/* SPDX-License-Identifier: ISC */
/*
 * wire-give -S SOCKET WIRE [FD ...]: the socket carrier's producer; the numbers in WIRE are indexes into the FDs.
 * wire-give WIRE PROG ...: the environment's.
 */
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/wire.h"

int
main(int argc, char **argv)
{
	const char *path = NULL;
	int opt, fds[FD_PASS_MAX];
	size_t n = 0;

	diag_init(argv[0], 125);
	while ((opt = getopt(argc, argv, "+S:v")) != -1)
		if (opt == 'S')
			path = optarg;
		else if (opt == 'v')
			diag_verbose++;
		else
			die_usage("usage: wire-give -S SOCKET WIRE [FD ...] | wire-give WIRE PROG ...");
	argv += optind;
	argc -= optind;
	if (argc < 1 || argc > FD_PASS_MAX || (!path && argc < 2))
		die_usage("usage: wire-give -S SOCKET WIRE [FD ...] | wire-give WIRE PROG ...");
	if (path) {
		for (int i = 1; i < argc; i++)
			fds[n++] = (int)num_opt('S', argv[i], 0, 1 << 20);
		return wire_send(path, argv[0], fds, n);
	}
	wire_export(argv[0]);
	wire_exec(argv + 1);
}

/* SPDX-License-Identifier: ISC */
/* wire-pair [-t stream|seqpacket|dgram] [-K KIND] [-k KEYS] PROG ...: both ends of a socketpair, as two wires. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/wire.h"

static int
socket_type(const char *name)
{
	if (!strcmp(name, "stream"))
		return SOCK_STREAM;
	if (!strcmp(name, "seqpacket"))
		return SOCK_SEQPACKET;
	if (!strcmp(name, "dgram"))
		return SOCK_DGRAM;
	die_usage("-t %s: not stream, seqpacket or dgram", name);
}

int
main(int argc, char **argv)
{
	const char *kind = "net", *keys = "";
	int type = SOCK_SEQPACKET, opt, fds[2];
	char word[WIRE_TEXT_MAX];

	diag_init(argv[0], 125);
	while ((opt = getopt(argc, argv, "+K:k:t:")) != -1)
		switch (opt) {
		case 'K':
			kind = optarg;
			break;
		case 'k':
			keys = optarg;
			break;
		case 't':
			type = socket_type(optarg);
			break;
		default:
			die_usage("usage: wire-pair [-t stream|seqpacket|dgram] [-K KIND] [-k KEYS] PROG ...");
		}
	if (optind == argc)
		die_usage("usage: wire-pair [-t stream|seqpacket|dgram] [-K KIND] [-k KEYS] PROG ...");
	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		die_sys("socketpair");
	for (int i = 0; i < 2; i++) {
		snprintf(word, sizeof(word), "%s,fd=%d%s%s", kind, fd_move_high(fds[i]), *keys ? "," : "", keys);
		wire_export(word);
	}
	wire_exec(argv + optind);
}

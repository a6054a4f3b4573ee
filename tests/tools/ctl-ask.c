/* SPDX-License-Identifier: ISC */
/* ctl-ask SOCKET LINE [FD ...]: send a request with descriptors to a control socket, print the answer. 0 if it is `ok`, else 1. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"

int
main(int argc, char **argv)
{
	int sock, fds[FD_PASS_MAX];
	char line[4096] = "";
	size_t n = 0;
	FILE *answer;

	diag_init(argv[0], 2);
	if (argc < 3 || argc > 3 + FD_PASS_MAX)
		die_usage("usage: ctl-ask SOCKET LINE [FD ...]");
	sock = fd_connect_unix(argv[1]);
	if (sock < 0)
		die_sys("%s", argv[1]);
	for (int i = 3; i < argc; i++)
		fds[n++] = (int)num_opt('f', argv[i], 0, 1 << 20);
	snprintf(line, sizeof(line), "%s\n", argv[2]);
	if (fd_send(sock, line, strlen(line), fds, n) < 0)
		die_sys("%s", argv[1]);
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
	answer = fdopen(sock, "r");
	while (answer && fgets(line, sizeof(line), answer)) {
		fputs(line, stdout);
		fflush(stdout);
		if (!strncmp(line, "ok", 2) || !strncmp(line, "no", 2))
			return line[0] != 'o';
	}
	die("%s: no answer", argv[1]);
}

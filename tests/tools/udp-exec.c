/* SPDX-License-Identifier: ISC */
/* udp-exec PORT PROGRAM...: run it with a UDP socket that is bound to the port as fd 3. */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/num.h"

int
main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	uint64_t port;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc < 3 || !num_parse(argv[1], 1, 65535, &port))
		return 2;
	at.sin_port = htons((uint16_t)port);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || dup2(fd, 3) < 0) {
		perror("udp-exec");
		return 1;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}

/* SPDX-License-Identifier: ISC */
/* dns-stub [-R FD] ADDRESS ANSWER: a name server on ADDRESS, port 53, for which every name is ANSWER (both IPv4). */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/ready.h"

#define HEAD 12 /* RFC 1035, 4.1.1 */

int
main(int argc, char **argv)
{
	/* The name is the question's (a pointer to it), type A, class IN, 60 s, 4 bytes. */
	uint8_t answer[16] = {0xc0, HEAD, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4};
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)}, from;
	uint8_t buf[512 + sizeof(answer)];
	int fd, ready = -1;

	diag_init(argv[0], 1);
	if (argc == 5 && !strcmp(argv[1], "-R")) {
		ready = (int)num_opt('R', argv[2], 0, 1024);
		argv += 2;
	} else if (argc != 3) {
		die_usage("usage: dns-stub [-R FD] ADDRESS ANSWER");
	}
	if (inet_pton(AF_INET, argv[1], &at.sin_addr) != 1 || inet_pton(AF_INET, argv[2], answer + 12) != 1)
		die_usage("%s %s: not addresses", argv[1], argv[2]);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die_sys("%s", argv[1]);
	ready_announce(ready);
	for (;;) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, buf, 512, 0, (struct sockaddr *)&from, &len);
		bool a = n > HEAD + 4 && buf[n - 3] == 1; /* the question ends in type and class */

		if (n <= HEAD)
			continue;
		buf[2] |= 0x80; /* a response, without an error */
		buf[3] = 0;
		buf[7] = a;
		memcpy(buf + n, answer, sizeof(answer));
		sendto(fd, buf, (size_t)n + (a ? sizeof(answer) : 0), 0, (struct sockaddr *)&from, len);
	}
}

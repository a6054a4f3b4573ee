/* SPDX-License-Identifier: ISC */
/* Any packet on an fb wire, from either side: taken whole or refused with a reason; what is taken is of its own length. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fb.h"
#include "common/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says who speaks, and whether a descriptor comes with it. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static union fb_message m;
	static int sv[2];
	bool machine = size && data[0] & 1, with = size && data[0] & 2;
	const char *why = NULL;
	int fd;
	ssize_t n;

	if (size < 2 || size > FB_MESSAGE_MAX + 8 || (!sv[1] && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) < 0))
		return 0;
	if (fd_send(sv[0], data + 1, size - 1, (const int[]){0}, with) != (ssize_t)size - 1)
		abort();
	n = fb_recv(sv[1], machine, &m, &fd, &why);
	if (n < 0 ? errno != EMSGSIZE && !why : (size_t)n != size - 1 || (size_t)n != fb_length(&m))
		abort();
	if ((fd >= 0) != (n > 0 && m.kind == FB_MODE && m.mode.size))
		abort();
	if (fd >= 0)
		close(fd);
	return 0;
}

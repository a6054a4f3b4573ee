/* SPDX-License-Identifier: ISC */
/* Coalescing what libslirp sends; the contracts are in more.h. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "vm-slirp/more.h"

#define HELD_MAX 64 /* sockets written to in one batch; the rest send at once */

static int held[HELD_MAX];
static int nheld = -1; /* -1: no batch */

void
more_begin(void)
{
	nheld = 0;
}

/* TCP_NODELAY is on already (libslirp sees to that); setting it pushes what is pending, tcp(7). */
void
more_end(void)
{
	const int on = 1;

	while (nheld > 0)
		setsockopt(held[--nheld], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	nheld = -1;
}

/* Whether fd is to be pushed at the end of the batch. */
static bool
hold(int fd)
{
	for (int i = nheld; i-- > 0;)
		if (held[i] == fd)
			return true;
	if (nheld < 0 || nheld == HELD_MAX)
		return false;
	held[nheld++] = fd;
	return true;
}

/*
 * Takes the place of the C library's: a program's own definition of a function comes before that of any shared library
 * (ELF gABI, "Symbol Table"), for calls out of libslirp too. A socket that is closed within the batch keeps its promise:
 * closing pushes. Urgent data is not held.
 */
ssize_t
send(int fd, const void *buf, size_t len, int flags)
{
	if (!flags && len && hold(fd))
		flags = MSG_MORE;
	return sendto(fd, buf, len, flags, NULL, 0);
}

/* SPDX-License-Identifier: ISC */
/* What waits for the viewer; the contracts are in output.h. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/fd.h"
#include "vm-vnc/output.h"

#define KEPT (4u << 20) /* memory that is not given back between two frames */

int
output_open(struct output *o)
{
	void *mem;

	*o = (struct output){.fd = memfd_create("vnc-output", MFD_CLOEXEC)};
	if (o->fd < 0)
		return -errno;
	mem = mmap(NULL, OUTPUT_MAX, PROT_READ, MAP_SHARED, o->fd, 0);
	if (mem == MAP_FAILED)
		return -errno;
	o->mem = mem;
	return 0;
}

static size_t
end_of(const struct output *o)
{
	off_t end = lseek(o->fd, 0, SEEK_CUR);

	return end < 0 ? 0 : (size_t)end;
}

size_t
output_waiting(const struct output *o)
{
	return end_of(o) - o->sent;
}

void
output_put(struct output *o, const void *bytes, size_t len)
{
	if (end_of(o) + len > OUTPUT_MAX || fd_write_all(o->fd, bytes, len) != (ssize_t)len)
		die("more waits for the viewer than can be");
}

void
output_put8(struct output *o, uint8_t v)
{
	output_put(o, &v, sizeof(v));
}

void
output_put16(struct output *o, uint16_t v)
{
	put_be16(&v, v);
	output_put(o, &v, sizeof(v));
}

void
output_put32(struct output *o, uint32_t v)
{
	put_be32(&v, v);
	output_put(o, &v, sizeof(v));
}

/* All is sent: begin at the start again. The pages stay, but for those of an unusually large frame. */
static void
rewind_output(struct output *o, size_t end)
{
	if (!end)
		return;
	lseek(o->fd, 0, SEEK_SET);
	o->sent = 0;
	if (end > KEPT && ftruncate(o->fd, 0) < 0)
		die_sys("output");
}

bool
output_flush(struct output *o, int sock)
{
	size_t end = end_of(o);

	if (end > OUTPUT_MAX)
		die("more waits for the viewer than can be");
	while (o->sent < end) {
		/* Copied by the kernel: what is sent with sendfile would still be read from these pages when they hold the next frame. */
		ssize_t n = send(sock, o->mem + o->sent, end - o->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		o->sent += (size_t)n;
		o->total += (uint64_t)n;
	}
	rewind_output(o, end);
	return true;
}

/* SPDX-License-Identifier: ISC */
/* Requests that direct I/O cannot take as they are go through an aligned buffer. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/disk_raw.h"
#include "common/iov.h"

bool
raw_misaligned(const struct raw *w, const struct disk_req *r)
{
	uintptr_t memory = 0;

	if (!w->bounce)
		return false;
	for (unsigned i = 0; r->op != DISK_ZERO && i < r->niov; i++)
		memory |= (uintptr_t)r->iov[i].iov_base | r->iov[i].iov_len;
	return ((r->off | r->len) & (w->align_offset - 1)) || (memory & (w->align_memory - 1));
}

/* One bounce buffer full of a request that direct I/O cannot take as it is; 0 or an errno. */
static int
bounce_once(struct raw *w, struct disk_req *r)
{
	uint64_t mask = w->align_offset - 1, from = r->off & ~mask;
	size_t skip = r->off - from;
	size_t n = r->len < RAW_BOUNCE_SIZE - skip ? r->len : RAW_BOUNCE_SIZE - skip;
	size_t span = (skip + n + mask) & ~mask;
	ssize_t got;

	if (!raw_writes(r) || span != n) {
		got = pread(w->fd, w->bounce, span, (off_t)from);
		if (got != (ssize_t)span)
			return got < 0 ? errno : EIO;
	}
	if (r->op == DISK_ZERO)
		memset(w->bounce + skip, 0, n);
	else if (raw_writes(r))
		iov_read(r->iov, r->niov, 0, w->bounce + skip, n);
	else
		iov_write(r->iov, r->niov, 0, w->bounce + skip, n);
	if (raw_writes(r)) {
		got = pwrite(w->fd, w->bounce, span, (off_t)from);
		if (got != (ssize_t)span)
			return got < 0 ? errno : EIO;
	}
	raw_advance(r, n);
	return 0;
}

int
raw_bounce(struct raw *w, struct disk_req *r)
{
	int err = 0;

	while (!err && r->len)
		err = bounce_once(w, r);
	if (!err && r->flags & DISK_FUA && fdatasync(w->fd) < 0)
		err = errno;
	return err;
}

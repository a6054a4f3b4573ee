/* SPDX-License-Identifier: ISC */
/* Bytes in pieces; the contracts are in iov.h. */
#include <string.h>

#include "common/iov.h"

/* One piece of a gathered copy: to the buffer when `read`, else from it. */
static size_t
iov_copy(const struct iovec *iov, unsigned n, size_t off, char *dst, const char *src, size_t len)
{
	size_t done = 0;

	for (unsigned i = 0; i < n && done < len; i++) {
		size_t part;

		if (off >= iov[i].iov_len) {
			off -= iov[i].iov_len;
			continue;
		}
		part = iov[i].iov_len - off;
		if (part > len - done)
			part = len - done;
		if (dst)
			memcpy(dst + done, (char *)iov[i].iov_base + off, part);
		else
			memcpy((char *)iov[i].iov_base + off, src + done, part);
		done += part;
		off = 0;
	}
	return done;
}

size_t
iov_read(const struct iovec *iov, unsigned n, size_t off, void *buf, size_t len)
{
	return iov_copy(iov, n, off, buf, NULL, len);
}

size_t
iov_write(const struct iovec *iov, unsigned n, size_t off, const void *buf, size_t len)
{
	return iov_copy(iov, n, off, NULL, buf, len);
}

void
iov_zero(const struct iovec *iov, size_t len)
{
	for (size_t part; len; len -= part, iov++) {
		part = iov->iov_len < len ? iov->iov_len : len;
		memset(iov->iov_base, 0, part);
	}
}

void
iov_skip(struct iovec **iov, unsigned *n, size_t len)
{
	while (*n && len >= (*iov)->iov_len) {
		len -= (*iov)->iov_len;
		(*iov)++;
		(*n)--;
	}
	if (*n && len) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + len;
		(*iov)->iov_len -= len;
	}
}

unsigned
iov_part(struct iovec *out, const struct iovec *iov, unsigned n, size_t skip, size_t len)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n && len; i++) {
		size_t part = iov[i].iov_len;

		if (skip >= part) {
			skip -= part;
			continue;
		}
		part -= skip;
		if (part > len)
			part = len;
		out[k++] = (struct iovec){(char *)iov[i].iov_base + skip, part};
		len -= part;
		skip = 0;
	}
	return k;
}

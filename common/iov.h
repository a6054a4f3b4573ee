/* SPDX-License-Identifier: ISC */
/* Bytes in pieces: copies to and from an iovec, and parts of one. */
#ifndef COMMON_IOV_H
#define COMMON_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* Copy between an iovec and a buffer, from byte `off` of the iovec on. Return bytes copied, less at the end. */
size_t iov_read(const struct iovec *iov, unsigned n, size_t off, void *buf, size_t len);
size_t iov_write(const struct iovec *iov, unsigned n, size_t off, const void *buf, size_t len);

/* The first len bytes become zeroes. */
void iov_zero(const struct iovec *iov, size_t len);

/* Drops the first `len` bytes: advances *iov and *n and trims the first entry (which is changed). */
void iov_skip(struct iovec **iov, unsigned *n, size_t len);

/* Puts the bytes skip..skip+len, as far as there are any, into out, which has room for n entries; returns how many it has. */
unsigned iov_part(struct iovec *out, const struct iovec *iov, unsigned n, size_t skip, size_t len);

#endif

/* SPDX-License-Identifier: ISC */
/* A disk at the other end of a connected stream socket: an NBD server's export. */
#ifndef COMMON_DISK_NBD_H
#define COMMON_DISK_NBD_H

#include "common/disk.h"
#include "common/why.h"

/*
 * Negotiates with the server (which may take seconds) for the export of that name. fd stays the caller's and must outlive the
 * disk; it does not block from now on. `id` is for messages and copied. Of the flags of disk.h only DISK_UNSAFE means
 * something. A server that hangs up or breaks the protocol fails all requests, from then on, with EIO, and one warning.
 */
const char *disk_nbd_open(struct disk **out, int fd, const char *id, const char *export, unsigned flags, struct why *w);

#endif

/* SPDX-License-Identifier: ISC */
/* A disk image, with all it lies on, as a disk. */
#ifndef COMMON_DISK_IMAGE_H
#define COMMON_DISK_IMAGE_H

#include "common/disk.h"
#include "common/image/image.h"

/*
 * A disk that moves the bytes of these files (at most DISK_FILES_MAX) through one io_uring, whose image open(user) makes when
 * disk_prepare is called: with its chain complete, or NULL with the reason. The image is closed with the disk.
 * Locks (disk_lock) and going past the page cache (file_go_direct) are the caller's. flags: DISK_UNSAFE, DISK_NORING.
 * NULL: out of memory.
 */
struct disk *disk_image_new(struct file *const *files, unsigned n, unsigned flags,
    struct image *(*open)(void *user, struct why *w), void *user);

#endif

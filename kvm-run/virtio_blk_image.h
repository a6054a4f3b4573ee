/* SPDX-License-Identifier: ISC */
/* Disks that are images: from the descriptors of a blk wire, as=qcow2, to a disk. */
#ifndef KVM_RUN_VIRTIO_BLK_IMAGE_H
#define KVM_RUN_VIRTIO_BLK_IMAGE_H

#include "common/disk.h"
#include "common/wire.h"

struct blk_image;

/*
 * The disk of a checked wire; ws is for its key. The descriptors stay the caller's; *image is to be freed when the disk is
 * closed. What the images hold is first looked at by disk_prepare. flags: DISK_UNSAFE, DISK_DIRECT. NULL, or the reason; then *out is not
 * set, *image may be, all the same to be freed.
 */
const char *blk_image_open(struct disk **out, struct blk_image **image, const struct wires *ws, const struct wire *w,
    unsigned flags, struct why *why);
void blk_image_free(struct blk_image *image);

#endif

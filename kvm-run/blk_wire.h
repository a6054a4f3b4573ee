/* SPDX-License-Identifier: ISC */
/*
 * What a blk wire says of its disk, whatever device the guest sees it as: the image behind it, its cache mode, its serial
 * number. For virtio_blk_new.c and the AHCI ports.
 */
#ifndef KVM_RUN_BLK_WIRE_H
#define KVM_RUN_BLK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/disk.h"
#include "common/wire.h"

#define BLK_SERIAL_MAX 20 /* virtio 1.2, 5.2.6; ATA's is as long */

struct blk_image;
struct iothread;
struct vm;

struct blk_wire {
	struct disk *disk;
	struct blk_image *image; /* or NULL */
	int fds[WIRE_FDS_MAX];	 /* the wire's, closed by blk_wire_close */
	size_t nfds;
	const char *serial; /* in the wire */
	bool writeback;	    /* the driver sees a volatile cache and flushes it */
};

/*
 * Opens the disk of a checked wire of vm->wires. The descriptors are still the caller's: blk_wire_take makes them b's, when
 * nothing can fail any more. NULL, or the reason, which may be in why; then nothing stays open. Main thread.
 */
const char *blk_wire_open(struct blk_wire *b, const struct vm *vm, const struct wire *w, char *why, size_t size);
void blk_wire_take(struct blk_wire *b, const struct wire *w);

/* Closes the disk, its image and, when they are b's, the descriptors. Nothing uses the disk any more. */
void blk_wire_close(struct blk_wire *b);

/* disk_prepare on the disk's own thread, which is sealed: headers are a stranger's words. NULL, or the reason in why. */
const char *blk_prepare(struct iothread *io, struct disk *d, char *why, size_t size);

/* The host's errors are the guest's I/O errors, and its owner's to know: each kind once. `warned` is the device's, 0 at
 * first. */
void blk_complain(const char *id, uint64_t *warned, const struct disk_req *io, int err);

#endif

/* SPDX-License-Identifier: ISC */
/* The images that convert and measure read: of paths, of standard input, as a snapshot has them. */
#ifndef VM_IMG_SOURCE_H
#define VM_IMG_SOURCE_H

#include "vm-img/chain.h"
#include "vm-img/seals.h"

/*
 * Opens an image with its chain; "-" is standard input, by way of a file without a name in $TMPDIR (or /var/tmp) where it is
 * no file itself. With `snapshot`, an ID or a name, the disk is that snapshot's. seals_open(what) comes before its first byte.
 * NULL after an error message.
 */
struct image *source_open(const struct options *o, const char *word, const char *snapshot, enum seals what);

/* What -l names: an ID or a name, or as qemu-img has it, snapshot.id=ID or snapshot.name=NAME. */
const char *source_snapshot(const char *word);

#endif

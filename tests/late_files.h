/* SPDX-License-Identifier: ISC */
/*
 * In place of common/disk_files.c and disk_ring.c: transfers that are done by the files' own functions, late and in a random
 * order, as a kernel does them. So what a disk has in flight can be of files in memory, and recorded.
 * Linked with: links: tests/late_files.c tests/past.c tests/memory.c
 */
#ifndef TESTS_LATE_FILES_H
#define TESTS_LATE_FILES_H

#include <stdbool.h>
#include <stdint.h>

/* How the next disks do it: at once, as without an io_uring, or late; and where the chances come from. */
void late_files(bool late, uint64_t *dice);

#endif

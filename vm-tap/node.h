/* SPDX-License-Identifier: ISC */
/* Device files that may be missing, or be those of another namespace. */
#ifndef VM_TAP_NODE_H
#define VM_TAP_NODE_H

#include <sys/types.h>

/*
 * Opens the character device for reading and writing: by its path, if that is the device, or else by a file that nobody else
 * sees and that is gone at once, which takes root. -1 with errno.
 */
int node_open(const char *path, dev_t dev);

#endif

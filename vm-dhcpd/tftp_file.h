/* SPDX-License-Identifier: ISC */
/* Files below one directory, and none elsewhere. */
#ifndef VM_DHCPD_TFTP_FILE_H
#define VM_DHCPD_TFTP_FILE_H

#include <stdint.h>

/* Opens the directory. Dies when it cannot, or when this kernel cannot confine names to it. */
int tftp_root_open(const char *dir);

/*
 * Opens a regular file that everyone may read, for reading, by its name from `root` on; slashes before it do not count.
 * Whatever the name and symbolic links say, it is below root. -1 with errno: ENOENT, EACCES (EXDEV: it would be outside), ...
 */
int tftp_file_open(int root, const char *name, uint64_t *size);

#endif

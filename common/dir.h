/* SPDX-License-Identifier: ISC */
/* Directories of state: /run is empty when the machine starts. */
#ifndef COMMON_DIR_H
#define COMMON_DIR_H

#define DIR_MAX 108 /* bytes of a path, with its NUL: as long as a socket's may be */

/* Makes the directory of -d, and each above it, unless it is there. Dies when it cannot. */
void dir_make(const char *dir);

#endif

/* SPDX-License-Identifier: ISC */
/* Files that the front is told of: FILE, or @N, an open descriptor. */
#ifndef VM_VNC_SECRET_FILE_H
#define VM_VNC_SECRET_FILE_H

#include <stddef.h>

/* All of it, at most max bytes, with a NUL behind them. Dies where it cannot be read or is longer; `word` is of -O WORD=FILE. */
char *secret_file_read(const char *word, const char *file, size_t max, size_t *len);

/* Frees what that returned, with nothing left of it in memory. */
void secret_file_wipe(char *text, size_t len);

#endif

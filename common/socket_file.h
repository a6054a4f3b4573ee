/* SPDX-License-Identifier: ISC */
/* Listening sockets whose files go with the process that serves them, however it exits. */
#ifndef COMMON_SOCKET_FILE_H
#define COMMON_SOCKET_FILE_H

#include <stdbool.h>

/*
 * fd_listen_unix; the file is removed when this process exits, which one that is forked from it does not do to it. The process
 * must be permitted unlink by then. -1 with errno.
 */
int socket_file_listen(const char *path);

/* In a process that was forked: the files of its parent are its own, too (true), or not, as it is after fork(3) but not clone(2). */
void socket_file_own(bool own);

/* Removes it now. */
void socket_file_remove(const char *path);

#endif

/* SPDX-License-Identifier: ISC */
/* File descriptors: duplicating, flagging, writing whole, passing over Unix sockets. */
#ifndef COMMON_FD_H
#define COMMON_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define FD_PASS_MAX 16 /* descriptors in one message */

/* Moves fd to the lowest free number >= 10 (3..9 belong to the shell's user), open across exec. Closes fd. Dies on failure. */
int fd_move_high(int fd);

/* Sets or clears a flag; false with errno on failure. set_cloexec fails with EBADF for a closed fd: the cheapest test of one. */
bool fd_set_cloexec(int fd, bool on);
bool fd_set_nonblock(int fd, bool on);

/* Closes every descriptor above 2 that is not among keep[0..n) (any order). */
void fd_close_others(const int *keep, size_t n);

/* read or write all of len, going on after EINTR and short counts. Return len, less at EOF (read), or -1 with errno. */
ssize_t fd_read_all(int fd, void *buf, size_t len);
ssize_t fd_write_all(int fd, const void *buf, size_t len);

/*
 * One message with descriptors on a Unix socket. fd_recv takes at most *n descriptors and sets *n to how many came; when
 * descriptors or (of a packet) bytes do not fit, it closes all and fails with EMSGSIZE. Received descriptors are
 * close-on-exec. Return the count of bytes, 0 at EOF, -1 with errno.
 */
ssize_t fd_send(int sock, const void *buf, size_t len, const int *fds, size_t n);
ssize_t fd_recv(int sock, void *buf, size_t len, int *fds, size_t *n);

/* Listening Unix stream socket at path, mode 0600. A stale socket (nobody listens) is replaced, a live one is EADDRINUSE.
 * Non-blocking, close-on-exec. -1 with errno. */
int fd_listen_unix(const char *path);
/* Connected Unix stream socket, close-on-exec, or -1 with errno. */
int fd_connect_unix(const char *path);

/*
 * After a failure to bind, at the start of a command: true when the address is in use and, by now, may be free, since what served a
 * guest that has just ended goes a moment after it. False with errno for other failures, and when a second was waited in all;
 * *tries is 0 at first.
 */
bool fd_in_use_yet(unsigned *tries);

/* Standard input and output become /dev/null, in a process that outlives its pipeline: nobody is to wait for it. Dies on failure. */
void fd_leave_stdio(void);

/* Closes fd, keeps errno, returns -1: the way out of a function that could not finish what it opened. */
int fd_close_failed(int fd);

#endif

/* SPDX-License-Identifier: ISC */
/* Terminals in raw mode, given back as they were on every way out of the process, and while it is stopped. */
#ifndef KVM_RUN_TTY_H
#define KVM_RUN_TTY_H

#include <stdbool.h>

/*
 * Puts the terminal into raw mode and remembers how it was. From then on exit(), the signals that kill and SIGTSTP put it
 * back; SIGCONT and SIGWINCH add 1 to the eventfd `wake`, for the owner to call tty_raw again and to look at the size.
 * False, and nothing done, when this process is in the background of the terminal: it may then neither change nor read it.
 * Main thread.
 */
bool tty_raw(int fd, int wake);

/* All terminals as they were. Called by exit(); to be called before a deliberate death by a signal. Async-signal-safe. */
void tty_restore(void);

/* Restores this one and forgets it. */
void tty_forget(int fd);

#endif

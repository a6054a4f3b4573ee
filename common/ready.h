/* SPDX-License-Identifier: ISC */
/* Telling whoever started us that we serve now. */
#ifndef COMMON_READY_H
#define COMMON_READY_H

/*
 * Writes a newline to fd and closes it (-R; -1: none), and sends READY=1 to $NOTIFY_SOCKET where that is set
 * (sd_notify(3)), unsetting it. Dies when fd cannot be written: nobody would know.
 */
void ready_announce(int fd);

/* Connects to $NOTIFY_SOCKET now, because after sealing no path may be opened. Optional, before ready_announce. */
void ready_prepare(void);

#endif

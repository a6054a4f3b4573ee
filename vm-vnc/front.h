/* SPDX-License-Identifier: ISC */
/*
 * What stands between a connection and RFB proper: who may come, how that is proved, and in what the bytes are wrapped (TLS,
 * WebSocket; for browsers also a few files over HTTP). Each connection is met in a process of its own, which holds neither
 * framebuffer nor machine; only whom it admits gets a process that draws (see viewer.h).
 */
#ifndef VM_VNC_FRONT_H
#define VM_VNC_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/address.h"
#include "common/control.h"
#include "common/loop.h"

struct front_guest {
	/*
	 * A stream socket of plain RFB, the callee's now, behind the security handshake, SecurityResult included: the
	 * viewer's next byte is that of ClientInit. The network's own socket where nothing wraps it, else one end of a
	 * socketpair whose other end a process of the front's pumps until either side closes.
	 */
	int fd;
	bool view_only;
	char address[ADDRESS_TEXT_MAX]; /* "127.0.0.1:4711"; of a Unix socket "unix:" and the user's number */
	char user[64];			/* of a certificate, SASL, Plain; else empty */
	char how[48];			/* "rfb+none", "wss+password": one word */
};

/* Somebody was admitted; on the loop's thread. */
typedef void front_admitted(void *arg, const struct front_guest *g);

/* An option: false when its letter is none of the front's. The word lives as long as the program. Dies (usage) of a bad one. */
bool front_option(int letter, char *word);

/* Once, after all options and with all rights: reads passwords and certificates, opens folders, checks that nothing listens
 * beyond loopback unprotected, opens the listeners. Dies. */
void front_open(void);

/* -n: the policy as lines of words between tabs, none of them secret. */
void front_print(FILE *out);

/* The descriptors that it opened and that must stay open; at most FRONT_KEEP_MAX. Their number. */
#define FRONT_KEEP_MAX 64
size_t front_keep(int *keep);

/* Begins to accept; 0 or -errno. And ends: listeners closed (their paths removed), processes of meetings under way ended. */
int front_start(struct loop *l, front_admitted *admitted, void *arg);
void front_stop(void);

/* Whether clerks load plug-ins, SASL's, of which nobody knows what they call. */
bool front_has_plugins(void);

/* A line of the control socket: true when its verb is the front's, *why is then NULL or why it failed.
 * listen ADDRESS, close ADDRESS, listeners, password ..., connect ADDRESS (to a viewer that listens). */
bool front_control(char *line, struct control_fds *fds, FILE *out, const char **why);

/* In a process that was forked for something else: secrets are wiped, what is open is closed. */
void front_forked(void);

#endif

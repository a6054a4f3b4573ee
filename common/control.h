/* SPDX-License-Identifier: ISC */
/* A control socket: a line is a request, which may come with descriptors; the answer is lines and then "ok" or "no WHY". */
#ifndef COMMON_CONTROL_H
#define COMMON_CONTROL_H

#include <stdio.h>

#include "common/fd.h"
#include "common/listener.h"

#define CONTROL_CLIENTS 8
#define CONTROL_LINE 512

/* What came with a line. Those that the handler makes its own it sets to -1; the others are closed. */
struct control_fds {
	int v[FD_PASS_MAX];
	size_t n;
	char id[32]; /* set by the handler: what they are called now, said behind "ok" */
};

/* Answers one line: prints lines that belong to the answer to out, returns NULL for "ok" or the WHY of "no". */
typedef const char *control_handler(void *arg, char *line, struct control_fds *fds, FILE *out);

struct control {
	struct listener listener;
	struct control_client {
		struct watch watch;
		struct control *control;
		char line[CONTROL_LINE];
		size_t len;
		struct control_fds fds; /* that came since the last line */
	} clients[CONTROL_CLIENTS];
	control_handler *handler;
	void *arg;
};

/* Serves the listening socket fd, which it takes. 0 or -errno. */
int control_start(struct control *c, struct loop *loop, int fd, control_handler *handler, void *arg);

#endif

/* SPDX-License-Identifier: ISC */
/* What the files of the control protocol's connections share: ctl.c accepts and wakes them, ctl_client.c serves one. */
#ifndef KVM_RUN_CTL_CLIENT_H
#define KVM_RUN_CTL_CLIENT_H

#include <stdatomic.h>

#include "common/fd.h"
#include "common/listener.h"
#include "kvm-run/ctl.h"

#define LISTENERS_MAX 8

struct ctl_answer {
	size_t len, sent;
	char buf[CTL_ANSWER_MAX];
};

struct client {
	struct client *next;
	struct ctl *ctl;
	struct watch io; /* of the input; of the output too if that is the same socket */
	bool socket;	 /* input is one */
	bool again;	 /* after the end of input others may come: a fifo, a terminal */
	bool ended;	 /* the end of input was seen */
	struct con_out *out; /* of a wire that is not one socket: may block, so it has a thread */
	int fds[FD_PASS_MAX]; /* that came and belong to the next request */
	size_t nfds;
	size_t len;
	bool skipping; /* the rest of a line that was too long */
	char line[CTL_LINE_MAX];
	bool waiting; /* for what `wait` says, so many seconds more */
	struct ctl_wait wait;
	char refusal[256];
	struct ctl_answer answer;
};

struct ctl {
	struct vm *vm;
	struct listener listeners[LISTENERS_MAX];
	unsigned nlisteners;
	struct client *clients;
	unsigned nclients;
	atomic_uint ejected; /* slots, from vCPU threads */
	struct watch wake;  /* eventfd */
	struct watch tick;   /* timerfd, once a second while somebody waits */
};

/* A client of the descriptor, which becomes its own; `socket`: requests may bring descriptors. NULL: no memory. It is not
 * watched yet: ctl_serve does that. */
struct client *ctl_new_client(struct ctl *c, int fd, bool socket);

/* Does what is there to be done: the next request only when the answer to the last one is out. May drop the client. */
void ctl_serve(struct client *k);

/* Ends the connection and frees. */
void ctl_drop(struct client *k);

/* The last line of the answer under way: `ok` or `no`, and the text if there is any. */
void ctl_finish(struct client *k, bool ok, const char *text);

/* --- ctl.c --- */

/* Clients came or went: is there room for another? */
void ctl_listen(struct ctl *c);

/* A client began or ceased to wait for the guest. */
void ctl_set_tick(struct ctl *c);

#endif

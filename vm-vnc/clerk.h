/* SPDX-License-Identifier: ISC */
/*
 * The clerk: a process that knows the passwords, asks the SASL library, opens the files of the web page, and has the last word
 * about who is let in. With a viewer it speaks through its gate only.
 */
#ifndef VM_VNC_CLERK_H
#define VM_VNC_CLERK_H

#include "common/why.h"
#include "vm-vnc/ask.h"
#include "vm-vnc/front.h"
#include "vm-vnc/gate.h"

#define CLERK_SECONDS 140 /* more than the gate, which has shorter ones, can need; less than THROTTLE_MEETING */

/* Whom to meet. */
struct clerk_task {
	int fd;		    /* the viewer; -1: he is to be called, at */
	union address call;
	enum gate_kind kind;
	int number;	    /* of the meeting in the throttle; -1: none */
	int report;	    /* to the hub */
};

/* What became of it: with a descriptor, guest's; without one, why nobody is let in. */
struct clerk_report {
	struct front_guest guest; /* but for its fd */
	char why[WHY_MAX];
};

struct clerk {
	const struct policy *f;
	int sock;	    /* the gate's questions */
	union address from; /* the viewer */
	uint8_t challenge[VNCAUTH_BYTES];
	bool challenged, proved; /* by a password */
	bool shown;		 /* a certificate that was asked for */
	bool listed;		 /* one of his names is on the access list */
	void *sasl;		 /* sasl_conn_t */
	struct ask_admit admitted; /* how he was let in */
	struct clerk_report report;
};

/* In a process of its own, forked by the hub: meets, reports, ends. */
_Noreturn void clerk_run(struct policy *f, const struct clerk_task *task);

/* Answers until the viewer is let in: true, or it has come to nothing. */
bool clerk_serve(struct clerk *c);

/* SASL; clerk_sasl.c. Once in a program, before any process is forked: loads the library's plugins. Dies. */
void clerk_sasl_prepare(const char *mechanisms);
/* Answers to be sent, as far as they go: out and *n are the library's. */
enum ask_verdict clerk_sasl_mechanisms(struct clerk *c, const char **out, size_t *n);
enum ask_verdict clerk_sasl_start(struct clerk *c, const char *mechanism, const char *data, size_t len, const char **out, size_t *n);
enum ask_verdict clerk_sasl_step(struct clerk *c, const char *data, size_t len, const char **out, size_t *n);
/* Whether that is the password of that name. */
bool clerk_sasl_plain(struct clerk *c, const char *name, const char *password);

#endif

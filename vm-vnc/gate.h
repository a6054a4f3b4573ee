/* SPDX-License-Identifier: ISC */
/*
 * The gate: the process that alone speaks with a viewer over the network until he is let in, and after that, where TLS or
 * WebSocket are used, carries his bytes. It can open nothing, and holds no secret but the key of TLS.
 */
#ifndef VM_VNC_GATE_H
#define VM_VNC_GATE_H

#include "vm-vnc/policy.h"

/* How a connection came about. */
enum gate_kind {
	GATE_ANY,     /* a viewer; or a browser, who speaks first */
	GATE_BROWSER, /* browsers alone */
	GATE_REVERSE, /* we have called a viewer that listens */
};

struct gate {
	int fd;	   /* the viewer */
	int clerk; /* who is asked; ask.h */
	int rfb;   /* whoever shows the screen: the other end is his */
	enum gate_kind kind;
	bool local;
};

#define GATE_SECONDS 10	   /* until it is the viewer's turn to prove something */
#define GATE_SILENCE 250 /* milliseconds after which a viewer is one, and no browser: that would have spoken by then */

/* In a process of its own: seals it, and does all that. */
_Noreturn void gate_run(struct policy *f, const struct gate *g);

/* Carries bytes between a stream and a plain socket until one of them ends; pump.c. */
struct stream;
void pump_run(struct stream *s, int rfb);

#endif

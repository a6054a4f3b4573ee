/* SPDX-License-Identifier: ISC */
/* Meetings: for each that connects two processes, gate and clerk; and what they hand to the hub when he is let in. */
#ifndef VM_VNC_MEETING_H
#define VM_VNC_MEETING_H

#include "common/loop.h"
#include "vm-vnc/front.h"
#include "vm-vnc/gate.h"

struct meetings {
	struct policy *policy;
	struct loop *loop;
	front_admitted *admitted;
	void *arg;
	struct meeting {
		struct watch watch; /* the clerk's report; fd -1: none */
		struct meetings *all;
		pid_t clerk;
	} list[THROTTLE_ALL];
};

void meetings_init(struct meetings *ms, struct policy *policy, struct loop *loop, front_admitted *admitted, void *arg);

/* Meets who is at the other end of fd, which it takes. False: not him, or not now. */
bool meeting_begin(struct meetings *ms, int fd, enum gate_kind kind);

/* Calls a viewer that listens. NULL, or why not; that he does not answer is told later, in a note. */
const char *meeting_call(struct meetings *ms, const union address *a);

/* Ends those that are under way; or, in a process forked for something else, closes what it has of them. */
void meetings_end(struct meetings *ms);
void meetings_forked(struct meetings *ms);

#endif

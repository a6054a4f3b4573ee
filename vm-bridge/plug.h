/* SPDX-License-Identifier: ISC */
/* What the verbs that make a cable share: their options, and handing the guest's end on. */
#ifndef VM_BRIDGE_PLUG_H
#define VM_BRIDGE_PLUG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/wire.h"

#define PLUG_LISTEN_MAX 8

struct plug {
	bool once;		      /* -1 */
	const char *control;	      /* -C */
	const char *listen[PLUG_LISTEN_MAX]; /* -l */
	size_t nlisten;
	const char *settings[8]; /* -O */
	size_t nsettings;
	int ready_fd;	     /* -R; -1: none */
	const char *send_to; /* -S */
	const char *user;    /* -U */
	unsigned mtu;	     /* -u; 0: not said */
	const char *wires[WIRES_MAX]; /* -w */
	size_t nwires;
	const char *operand; /* the first, or NULL */
	char **program;	     /* what follows it, or NULL */
};

/*
 * Takes a verb's command line, of which letters (a getopt string) are allowed; what names the operand in messages. Exits 2
 * when it is wrong, and makes 125 the status of later failures if there is a program.
 */
void plug_parse(struct plug *p, int argc, char **argv, const char *letters, const char *what);

/* Neither a program nor -S: the wires that were handed over are served here. */
bool plug_serves(const struct plug *p);

/* Gives fd to the program, which it runs, or to the machine of -S. Returns the exit status, of -S only. */
int plug_hand_on(const struct plug *p, int fd);

/* Both ends of a cable to the one program, which it runs. */
_Noreturn void plug_hand_on_both(const struct plug *p, const int fds[2]);

/* The net wires that were handed over (VM_WIRES, -w), checked; exits 2 when there is one of another kind, or with `one` not
 * exactly one. Descriptors other than these, -R's and 0 to 2 are closed. */
struct wires *plug_wires(const struct plug *p, bool one);

#endif

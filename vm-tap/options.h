/* SPDX-License-Identifier: ISC */
/* What the user asked for. */
#ifndef VM_TAP_OPTIONS_H
#define VM_TAP_OPTIONS_H

#include "vm-tap/want.h"

enum mode {
	MODE_LOADER, /* run a program with a net wire in VM_WIRES */
	MODE_SEND,   /* -S: hand the wire to a running machine */
	MODE_ADD,
	MODE_DEL,
	MODE_LIST,
};

struct options {
	enum mode mode;
	struct want want;
	const char *netns, *user, *send_to;
	bool vhost, json, check;
	char **rest; /* the program, or the names to delete */
};

/* Checks everything that can be without asking the kernel; exits 2 with a line that names the word. */
void options_parse(struct options *o, int argc, char **argv);

#endif

/* SPDX-License-Identifier: ISC */
/* What the user asked for. */
#ifndef VM_NAT_OPTIONS_H
#define VM_NAT_OPTIONS_H

#include "vm-nat/network.h"

enum verb {
	VERB_LOAD, /* run a program; what was done goes with it */
	VERB_ADD,
	VERB_DEL,
	VERB_LIST,
	VERB_SHOW,
};

struct options {
	enum verb verb;
	struct network net;
	bool check, fix, json;
	const char *user;
	char **program;
};

/* Checks all that can be checked without the kernel; exits 2 with a line that names the word. */
void options_parse(struct options *o, int argc, char **argv);

#endif

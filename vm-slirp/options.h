/* SPDX-License-Identifier: ISC */
/* What the user asked for. */
#ifndef VM_SLIRP_OPTIONS_H
#define VM_SLIRP_OPTIONS_H

#include "vm-slirp/forward.h"
#include "vm-slirp/network.h"

#define FORWARDS_MAX 256
#define GUESTFWDS_MAX 32

enum mode {
	MODE_LOADER, /* run a program with a net wire in VM_WIRES */
	MODE_SEND,   /* -S: hand the wire to a running machine */
	MODE_LISTEN, /* -l: serve clients that connect */
	MODE_WIRE,   /* serve the net wire that was handed to us */
};

struct options {
	struct network net;
	struct forward forwards[FORWARDS_MAX];
	const char *forward_words[FORWARDS_MAX]; /* for messages */
	size_t nforwards;
	struct guestfwd guestfwds[GUESTFWDS_MAX];
	size_t nguestfwds;
	const char *smb_dir;

	enum mode mode;
	const char *listen, *send_to, *control, *user;
	int wire_fd;  /* MODE_WIRE */
	int ready_fd; /* -1: none */
	bool check;
	char **program;
};

/* Checks everything; exits 2 with a line that names the word. */
void options_parse(struct options *o, int argc, char **argv);

/* -n: what was asked for, defaults filled in; a name, a tab and a value a line. */
void options_print(const struct options *o);

/* Whether the guest's end of a forward is one that this network has; NULL, or why not. Turns "any" into the right family. */
const char *options_check_forward(const struct options *o, struct forward *f);

#endif

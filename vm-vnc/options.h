/* SPDX-License-Identifier: ISC */
/* What the command line asks for. */
#ifndef VM_VNC_OPTIONS_H
#define VM_VNC_OPTIONS_H

#include <stdbool.h>

enum mode {
	MODE_LOADER,	 /* run a program with the wire's other end */
	MODE_SEND,	 /* -S: send it to a running machine */
	MODE_WIRE,	 /* -w: serve a machine that is there */
	MODE_SCREENSHOT, /* -G */
	MODE_TERMINAL,	 /* -X */
};

/* -O share=: who stays when another viewer comes */
enum share {
	SHARE_ASK,    /* as the viewer asks: all who would share, or it alone */
	SHARE_ALWAYS, /* all */
	SHARE_FIRST,  /* the one that is there */
	SHARE_NEWEST, /* the one that comes */
};

struct options {
	enum mode mode;
	char **program;
	const char *send_to, *control, *user, *name, *picture;
	int wire, ready_fd;
	bool check, view_only, terminal;
	enum share share;
	unsigned viewers, rate;
};

/* Exits 2 of wrong usage. */
void options_parse(struct options *o, int argc, char **argv);

/* -n */
void options_print(const struct options *o);

#endif

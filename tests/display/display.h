/* SPDX-License-Identifier: ISC */
/* A display without eyes: what fb-screen knows of its machine, and its commands. One thread; what fails ends the process. */
#ifndef TESTS_DISPLAY_DISPLAY_H
#define TESTS_DISPLAY_DISPLAY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "common/fb.h"

struct display {
	int wire, input; /* to the machine; -1: none */
	pid_t child;	 /* the machine, or 0 */
	FILE *out;
	int64_t patience; /* ms that anything may take */
	struct fb_mode mode; /* as last heard; kind 0: nothing yet */
	uint8_t *memory;     /* of the picture, or NULL */
	struct fb_state state;
	struct fb_damage damage;
	struct fb_cursor cursor;
	char clip[FB_CLIPBOARD_MAX + 1];
	bool asked, damaged; /* the machine owes an answer; it came */
	bool cursor_came, clip_came;
};

extern struct display display;

struct command {
	const char *name; /* NULL: the end */
	int words;	  /* -1: all of them, each apart; -2: the rest of the line as one */
	bool (*wait)(char **word);
	void (*run)(char **word);
};

extern const struct command display_seeing[]; /* see.c */
extern const struct command display_doing[];  /* act.c */

/* Says so, kills the machine and exits with 1. */
_Noreturn void display_fail(const char *what, const char *with);

/* wire.c: sends a message; asks for changes, unless it waits for an answer already. */
void display_put(const void *m);
void display_ask(uint32_t flags);

/* Takes one message, or waits until the time has come: false. */
bool display_receive(int64_t until);

/* Until the machine closes the wire. What has come on the way may be read no more once we can send no more. */
void display_take_all(bool asking);

/* see.c: asks again whenever it was answered, until it is so. `line`: the command, for who has waited in vain. */
void display_await(bool (*is_so)(char **word), char **word, const char *line);

#endif

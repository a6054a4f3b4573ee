/* SPDX-License-Identifier: ISC */
/* What a user does: commands that send something. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "tests/display/display.h"

static struct fb_pointer pointer = {.kind = FB_POINTER}; /* as last sent */

static void
send_key(unsigned code, bool down)
{
	display_put(&(struct fb_key){FB_KEY, code, down});
}

static void
do_key(char **word)
{
	unsigned n = 0;

	for (; word[n]; n++)
		send_key((unsigned)strtoul(word[n], NULL, 16), true);
	while (n--)
		send_key((unsigned)strtoul(word[n], NULL, 16), false);
}

/* Scan codes by their places in the rows of a US keyboard, without and with shift. */
static void
do_type(char **word)
{
	static const char plain[] = "\0\0331234567890-=\b\tqwertyuiop[]\n\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
	static const char shifted[] = "\0\033!@#$%^&*()_+\b\tQWERTYUIOP{}\n\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

	for (const char *p = word[0]; *p; p++) {
		char c = *p == '\\' && p[1] == 'n' ? (p++, '\n') : *p;
		const char *at = memchr(plain, c, sizeof(plain) - 1), *shift = at ? NULL : memchr(shifted, c, sizeof(shifted) - 1);

		if (!at && !shift)
			display_fail("no key for", p);
		if (shift)
			send_key(0x2a, true);
		send_key((unsigned)(at ? at - plain : shift - shifted), true);
		send_key((unsigned)(at ? at - plain : shift - shifted), false);
		if (shift)
			send_key(0x2a, false);
	}
}

static void
send_pointer(char **word, uint32_t absolute)
{
	pointer = (struct fb_pointer){.kind = FB_POINTER, .absolute = absolute, .x = atoi(word[0]), .y = atoi(word[1]),
	    .buttons = (uint32_t)atoi(word[2])};
	display_put(&pointer);
}

static void
do_pointer(char **word)
{
	send_pointer(word, 1);
}

static void
do_move(char **word)
{
	send_pointer(word, 0);
}

static void
do_wheel(char **word)
{
	struct fb_pointer m = pointer; /* where it was put, or moved no further */

	m.wheel = atoi(word[0]);
	if (!m.absolute)
		m.x = m.y = 0;
	display_put(&m);
}

static void
do_resize(char **word)
{
	display_put(&(struct fb_resize){FB_RESIZE, (uint32_t)atoi(word[0]), (uint32_t)atoi(word[1])});
}

static void
do_clip(char **word)
{
	static union fb_message m;

	memset(&m, 0, sizeof(m));
	m.kind = FB_CLIPBOARD;
	snprintf(m.clipboard.text, sizeof(m.clipboard.text), "%s", word[0]);
	display_put(&m);
}

static void
do_send(char **word)
{
	unsigned char bytes[1024];
	size_t n = 0;

	for (const char *p = word[0]; *p && p[1] && n < sizeof(bytes); p += 2) {
		char two[3] = {p[0], p[1], 0};

		bytes[n++] = (unsigned char)strtoul(two, NULL, 16);
	}
	if (send(display.wire, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
		display_fail("nobody takes what is sent", "");
}

static void
do_hangup(char **word)
{
	(void)word;
	close(display.wire);
	display.wire = -1;
}

static void
do_closed(char **word)
{
	display_take_all(false);
	do_hangup(word);
}

static void
do_watch(char **word)
{
	display_ask(0);
	display_take_all(true);
	do_hangup(word);
}

static void
do_run(char **word)
{
	if (system(word[0]) != 0)
		display_fail("failed:", word[0]);
}

static void
do_say(char **word)
{
	fprintf(display.out, "%s\n", word[0]);
}

static void
do_input(char **word)
{
	if (display.input < 0 || fd_write_all(display.input, word[0], strlen(word[0])) < 0)
		display_fail("nobody takes what is typed", "");
}

static void
do_kill(char **word)
{
	(void)word;
	kill(display.child, SIGKILL);
}

static void
do_term(char **word)
{
	(void)word;
	kill(display.child, SIGTERM);
}

const struct command display_doing[] = {
    {"key", -1, NULL, do_key},
    {"type", -2, NULL, do_type},
    {"pointer", 3, NULL, do_pointer},
    {"move", 3, NULL, do_move},
    {"wheel", 1, NULL, do_wheel},
    {"resize", 2, NULL, do_resize},
    {"clip", -2, NULL, do_clip},
    {"send", 1, NULL, do_send},
    {"hangup", 0, NULL, do_hangup},
    {"closed", 0, NULL, do_closed},
    {"watch", 0, NULL, do_watch},
    {"run", -2, NULL, do_run},
    {"say", -2, NULL, do_say},
    {"input", -2, NULL, do_input},
    {"kill", 0, NULL, do_kill},
    {"term", 0, NULL, do_term},
    {NULL, 0, NULL, NULL},
};

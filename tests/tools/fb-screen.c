/* SPDX-License-Identifier: ISC */
/*
 * fb-screen [-i] [-m MODEL] [-o FILE] [-t SECONDS] SCRIPT PROG [ARG ...]: a display without eyes. Runs PROG with an fb wire to
 * it, and the commands of the file SCRIPT, a line each; what they print goes to FILE or to the output. Then waits for PROG, and
 * ends as it did; with 1, and PROG killed, when something is not seen within SECONDS (60). With -i PROG's input comes from
 * here, too.
 *
 *	wait TEXT         until the text screen has TEXT, in UTF-8; gone TEXT: until it has not
 *	size W H          until the picture is of that size
 *	cells C R         until there is text of that many columns and rows
 *	pixel X Y RGB     until the pixel is of that colour (hexadecimal)
 *	state LEDS ABS    until the machine has said so
 *	cursor            until there is a pointer of the guest's, and prints it
 *	text              prints the text screen, and where its cursor is
 *	mode              prints the picture's form
 *	ppm FILE          writes the picture, as it is now, as a PPM
 *	changes           asks, and prints the rectangles that have changed since the last answer
 *	still MS          nothing may change so long
 *	key CODE ...      presses those keys (hexadecimal) in this order, and lets them go
 *	type TEXT         types on a US keyboard; \n is Enter
 *	pointer X Y B     puts the pointer, 0 to 32767, buttons B down; move X Y B: moves it; wheel N
 *	resize W H        would like that size; clip TEXT: was copied here
 *	clipboard         until a text has come from the guest, and prints it
 *	send HEX          these bytes, as they are; hangup: closes the wire; closed: until the machine does
 *	input TEXT        to PROG's input, without a newline
 *	watch             asks, and takes what comes, until the machine closes the wire
 *	run COMMAND       the shell's; its output is ours
 *	say TEXT          prints it; kill: kills PROG; term: asks it to end
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cp437.h"
#include "common/diag.h"
#include "common/fb.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/timer.h"
#include "common/util.h"
#include "common/wire.h"

#define WORDS_MAX 32

static int wire = -1, input = -1;
static pid_t child;
static FILE *out;
static int64_t patience = 60000;
static struct fb_mode mode;
static uint8_t *memory;
static struct fb_state state;
static struct fb_pointer pointer = {.kind = FB_POINTER}; /* as last sent */
static struct fb_damage damage;
static bool damaged, asked, cursor_came, clip_came;
static struct fb_cursor cursor;
static char clip[FB_CLIPBOARD_MAX + 1];
static union fb_message in;

static _Noreturn void
fail(const char *what, const char *with)
{
	error("%s%s%s", what, *with ? " " : "", with);
	if (child)
		kill(child, SIGKILL);
	exit(1);
}

static void
take_mode(int fd)
{
	if (memory)
		munmap(memory, mode.size);
	memory = NULL;
	mode = in.mode;
	if (fd < 0)
		return;
	memory = mmap(NULL, mode.size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (memory == MAP_FAILED)
		fail("the picture's memory cannot be mapped", "");
}

static void
take(int fd)
{
	switch (in.kind) {
	case FB_MODE:
		take_mode(fd);
		break;
	case FB_DAMAGE:
		damage = in.damage;
		damaged = true;
		asked = false;
		break;
	case FB_STATE:
		state = in.state;
		break;
	case FB_CURSOR:
		cursor = in.cursor;
		cursor_came = true;
		break;
	case FB_CLIPBOARD:
		strcpy(clip, in.clipboard.text);
		clip_came = true;
		break;
	}
}

static void
put(const void *m)
{
	if (wire < 0 || (fb_send(wire, m, -1) < 0 && errno != EPIPE && errno != ECONNRESET))
		fail("nobody takes what is sent", "");
}

static void
ask(uint32_t flags)
{
	if (asked)
		return;
	damaged = false;
	asked = true;
	put(&(struct fb_ask){FB_ASK, flags});
}

/* Takes one message, or waits until the time has come: false. */
static bool
receive(int64_t until)
{
	struct pollfd p = {.fd = wire, .events = POLLIN};
	int64_t left = until - timer_now();
	const char *why = "nothing, it is closed";
	ssize_t len;
	int fd;

	if (left <= 0 || poll(&p, 1, (int)left) <= 0)
		return false;
	len = fb_recv(wire, true, &in, &fd, &why);
	if (len <= 0)
		fail("the machine sent", len < 0 && errno != EBADMSG ? strerror(errno) : why);
	take(fd);
	return true;
}

static void
line_text(uint32_t row, char *to)
{
	for (uint32_t x = 0; x < mode.columns; x++, to += strlen(to))
		cp437_utf8(memory[mode.text_offset + sizeof(struct fb_text_cursor) + 2 * (row * mode.columns + x)], to);
	while (to[-1] == ' ')
		to--;
	*to = 0;
}

/* --- what is waited for --- */

static bool
has_text(char **word)
{
	static char line[3 * FB_SIDE_MAX + 1];

	for (uint32_t row = 0; memory && row < mode.rows; row++) {
		line_text(row, line + 1);
		if (strstr(line + 1, word[0]))
			return true;
	}
	return false;
}

static bool
has_no_text(char **word)
{
	return !has_text(word);
}

static bool
has_size(char **word)
{
	return mode.width == strtoul(word[0], NULL, 10) && mode.height == strtoul(word[1], NULL, 10);
}

static bool
has_cells(char **word)
{
	return mode.columns == strtoul(word[0], NULL, 10) && mode.rows == strtoul(word[1], NULL, 10);
}

static bool
has_mode(char **word)
{
	(void)word;
	return mode.kind;
}

static uint32_t
pixel(uint32_t x, uint32_t y)
{
	uint32_t p = 0;

	if (memory && x < mode.width && y < mode.height)
		memcpy(&p, memory + mode.offset + (size_t)y * mode.stride + x * 4, 4);
	return p;
}

static bool
has_pixel(char **word)
{
	return pixel((uint32_t)strtoul(word[0], NULL, 10), (uint32_t)strtoul(word[1], NULL, 10)) == strtoul(word[2], NULL, 16);
}

static bool
has_state(char **word)
{
	return state.kind && state.leds == strtoul(word[0], NULL, 10) && state.absolute == strtoul(word[1], NULL, 10);
}

static bool
has_cursor(char **word)
{
	(void)word;
	return cursor_came;
}

static bool
has_clip(char **word)
{
	(void)word;
	return clip_came;
}

/* Asks again whenever it was answered, until it is so. */
static void
await(bool (*is_so)(char **word), char **word, const char *line)
{
	int64_t until = timer_now() + patience;

	while (!is_so(word)) {
		ask(mode.kind ? 0 : FB_ASK_ALL);
		if (!receive(until))
			fail("not seen in time:", line);
	}
	/* A mode comes before its picture. */
	while (asked && is_so == has_size)
		if (!receive(until))
			fail("no picture in time:", line);
}

/* --- commands --- */

static void
do_text(char **word)
{
	static char line[3 * FB_SIDE_MAX + 2];
	struct fb_text_cursor c;

	(void)word;
	if (!memory || !mode.columns)
		fail("no text is shown", "");
	for (uint32_t row = 0; row < mode.rows; row++) {
		line_text(row, line + 1);
		fprintf(out, "%s\n", line + 1);
	}
	memcpy(&c, memory + mode.text_offset, sizeof(c));
	fprintf(out, "cursor %u %u %u\n", c.column, c.row, c.shown);
}

static void
do_mode(char **word)
{
	(void)word;
	fprintf(out, "mode %ux%u text %ux%u\n", mode.width, mode.height, mode.columns, mode.rows);
}

static void
do_ppm(char **word)
{
	FILE *f = fopen(word[0], "w");

	if (!f || !memory)
		fail("cannot write", word[0]);
	fprintf(f, "P6\n%u %u\n255\n", mode.width, mode.height);
	for (uint32_t y = 0; y < mode.height; y++)
		for (uint32_t x = 0; x < mode.width; x++) {
			uint32_t p = pixel(x, y);

			putc((int)(p >> 16 & 255), f);
			putc((int)(p >> 8 & 255), f);
			putc((int)(p & 255), f);
		}
	if (fclose(f))
		fail("cannot write", word[0]);
}

/* An answer that has been asked for before may say nothing of what is meant here. */
static void
do_changes(char **word)
{
	int64_t until = timer_now() + patience;

	(void)word;
	for (ask(0); !damaged;)
		if (!receive(until))
			fail("nothing has changed", "");
	for (uint32_t i = 0; i < damage.count; i++) {
		struct fb_rect r = damage.rects[i];

		fprintf(out, "%s%ux%u+%u+%u", i ? " " : "", r.width, r.height, r.x, r.y);
	}
	putc('\n', out);
	damaged = false;
}

static void
do_still(char **word)
{
	int64_t until = timer_now() + atoll(word[0]);

	ask(0);
	while (receive(until))
		if (damaged)
			fail("something has changed", "");
}

static void
send_key(unsigned code, bool down)
{
	put(&(struct fb_key){FB_KEY, code, down});
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
			fail("no key for", p);
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
	put(&pointer);
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
	put(&m);
}

static void
do_resize(char **word)
{
	put(&(struct fb_resize){FB_RESIZE, (uint32_t)atoi(word[0]), (uint32_t)atoi(word[1])});
}

static void
do_clip(char **word)
{
	static union fb_message m;

	memset(&m, 0, sizeof(m));
	m.kind = FB_CLIPBOARD;
	snprintf(m.clipboard.text, sizeof(m.clipboard.text), "%s", word[0]);
	put(&m);
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
	if (send(wire, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
		fail("nobody takes what is sent", "");
}

static void
do_hangup(char **word)
{
	(void)word;
	close(wire);
	wire = -1;
}

/* Until the machine closes the wire. What has come on the way may be read no more once we can send no more. */
static void
take_all(bool asking)
{
	struct pollfd p = {.fd = wire, .events = POLLIN};
	int64_t until = timer_now() + patience;
	const char *why = NULL;
	int fd;

	while (timer_now() < until && poll(&p, 1, (int)(until - timer_now())) > 0) {
		ssize_t len = fb_recv(wire, true, &in, &fd, &why);

		if (len <= 0 && why)
			fail("the machine sent", why);
		if (len <= 0)
			return;
		take(fd);
		if (asking && !asked && fb_send(wire, (const union fb_message *)&(struct fb_ask){FB_ASK, 0}, -1) == 0)
			asked = true;
	}
	fail("still open", "");
}

static void
do_closed(char **word)
{
	take_all(false);
	do_hangup(word);
}

static void
do_watch(char **word)
{
	ask(0);
	take_all(true);
	do_hangup(word);
}

static void
do_run(char **word)
{
	if (system(word[0]) != 0)
		fail("failed:", word[0]);
}

static void
do_cursor(char **word)
{
	(void)word;
	fprintf(out, "cursor %s %d,%d", cursor.flags & FB_CURSOR_SHOWN ? "shown" : "hidden", cursor.x, cursor.y);
	if (cursor.flags & FB_CURSOR_SHAPE)
		fprintf(out, " %ux%u-%u-%u", cursor.width, cursor.height, cursor.hot_x, cursor.hot_y);
	putc('\n', out);
	cursor_came = false;
}

static void
do_clipboard(char **word)
{
	(void)word;
	fprintf(out, "clipboard %s\n", clip);
	clip_came = false;
}

static void
do_say(char **word)
{
	fprintf(out, "%s\n", word[0]);
}

static void
do_input(char **word)
{
	if (input < 0 || fd_write_all(input, word[0], strlen(word[0])) < 0)
		fail("nobody takes what is typed", "");
}

static void
do_kill(char **word)
{
	(void)word;
	kill(child, SIGKILL);
}

static void
do_term(char **word)
{
	(void)word;
	kill(child, SIGTERM);
}

static const struct command {
	const char *name;
	int words; /* -1: all of them, each apart; -2: the rest of the line as one */
	bool (*wait)(char **word);
	void (*run)(char **word);
} commands[] = {
    {"wait", -2, has_text, NULL},
    {"gone", -2, has_no_text, NULL},
    {"size", 2, has_size, NULL},
    {"cells", 2, has_cells, NULL},
    {"pixel", 3, has_pixel, NULL},
    {"state", 2, has_state, NULL},
    {"cursor", 0, has_cursor, do_cursor},
    {"text", 0, NULL, do_text},
    {"mode", 0, has_mode, do_mode},
    {"ppm", 1, NULL, do_ppm},
    {"changes", 0, NULL, do_changes},
    {"still", 1, NULL, do_still},
    {"key", -1, NULL, do_key},
    {"type", -2, NULL, do_type},
    {"pointer", 3, NULL, do_pointer},
    {"move", 3, NULL, do_move},
    {"wheel", 1, NULL, do_wheel},
    {"resize", 2, NULL, do_resize},
    {"clip", -2, NULL, do_clip},
    {"clipboard", 0, has_clip, do_clipboard},
    {"send", 1, NULL, do_send},
    {"hangup", 0, NULL, do_hangup},
    {"closed", 0, NULL, do_closed},
    {"watch", 0, NULL, do_watch},
    {"run", -2, NULL, do_run},
    {"say", -2, NULL, do_say},
    {"input", -2, NULL, do_input},
    {"kill", 0, NULL, do_kill},
    {"term", 0, NULL, do_term},
};

static const struct command *
find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	fail("no such command:", name);
}

static void
run(char *line)
{
	char whole[1024], *word[WORDS_MAX + 1] = {NULL}, *name, *rest;
	const struct command *c;
	int n = 0;

	line[strcspn(line, "\n")] = 0;
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return;
	snprintf(whole, sizeof(whole), "%s", line);
	name = strsep(&line, " ");
	c = find(name);
	if (c->words == -2)
		word[n++] = line ? line : name + strlen(name);
	else
		while (n < WORDS_MAX && (rest = strsep(&line, " ")))
			word[n++] = rest;
	if (c->words >= 0 && n != c->words)
		fail("wrong number of words:", whole);
	if (c->wait)
		await(c->wait, word, whole);
	if (c->run)
		c->run(word);
	fflush(out);
}

static void
start(const char *model, bool with_input, char **argv)
{
	char word[64];
	int pair[2], in_pipe[2] = {-1, -1};

	if (with_input && pipe2(in_pipe, O_CLOEXEC) < 0)
		die_sys("pipe");

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		die_sys("socketpair");
	wire = pair[0];
	pair[1] = fd_move_high(pair[1]);
	snprintf(word, sizeof(word), "fb,fd=%d%s%s", pair[1], model ? ",model=" : "", model ? model : "");
	child = fork();
	if (child < 0)
		die_sys("fork");
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* nothing is left of a test that is over its time */
		if (with_input)
			dup2(in_pipe[0], 0);
		wire_export(word);
		wire_exec(argv);
	}
	close(pair[1]);
	close(in_pipe[0]);
	input = in_pipe[1];
}

int
main(int argc, char **argv)
{
	const char *model = NULL;
	char line[1024];
	FILE *script;
	bool with_input = false;
	int opt, status;

	out = stdout;
	diag_init(argv[0], 125);
	while ((opt = getopt(argc, argv, "+im:o:t:")) != -1)
		if (opt == 'i')
			with_input = true;
		else if (opt == 'm')
			model = optarg;
		else if (opt == 'o')
			out = fopen(optarg, "we");
		else if (opt == 't')
			patience = (int64_t)num_opt('t', optarg, 1, 3600) * 1000;
		else
			die_usage("usage: fb-screen [-i] [-m MODEL] [-o FILE] [-t SECONDS] SCRIPT PROG [ARG ...]");
	if (argc - optind < 2)
		die_usage("usage: fb-screen [-i] [-m MODEL] [-o FILE] [-t SECONDS] SCRIPT PROG [ARG ...]");
	script = fopen(argv[optind], "re");
	if (!script || !out)
		die_sys("%s", argv[optind]);
	start(model, with_input, argv + optind + 1);
	while (fgets(line, sizeof(line), script))
		run(line);
	if (wire >= 0)
		close(wire);
	if (input >= 0)
		close(input);
	if (waitpid(child, &status, 0) < 0)
		die_sys("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

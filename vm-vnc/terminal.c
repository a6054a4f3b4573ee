/* SPDX-License-Identifier: ISC */
/* The text screen in a terminal; the contract is in terminal.h. What is sent is ECMA-48, with the 16 colours of old. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/cp437.h"
#include "common/diag.h"
#include "common/timer.h"
#include "common/util.h"
#include "vm-vnc/display.h"
#include "vm-vnc/terminal.h"
#include "vm-vnc/terminal_keys.h"

struct terminal {
	struct display display;
	uint16_t *cells; /* as they stand in the terminal */
	struct fb_text_cursor cursor;
	unsigned columns, rows;
	FILE *out;
	int attr;      /* the terminal's now; -1: unknown */
	bool graphics; /* there is no text to be shown, and the terminal says so */
	int64_t earliest;
	bool waiting;
};

static struct termios cooked;
static volatile sig_atomic_t ended;

static void
end(int sig)
{
	ended = sig;
}

static void
restore(void)
{
	static const char text[] = "\033[0m\033[?25h\033[?1049l";

	tcsetattr(STDIN_FILENO, TCSADRAIN, &cooked);
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		return;
}

static void
make_raw(void)
{
	struct termios raw;
	struct sigaction act = {.sa_handler = end};

	if (tcgetattr(STDIN_FILENO, &cooked) < 0)
		die("-X: standard input is no terminal");
	raw = cooked;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		die_sys("terminal");
	atexit(restore);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
	sigaction(SIGINT, &act, NULL);
}

/* VGA's attribute: ink in the low half, paper in bits 4 to 6, of which red and blue are the other way round here. */
static void
set_attr(struct terminal *t, int attr)
{
	static const char ansi[] = "04261537";

	if (attr == t->attr)
		return;
	fprintf(t->out, "\033[0;%s%c;%s%cm", attr & 8 ? "9" : "3", ansi[attr & 7], attr & 0x80 ? "10" : "4", ansi[attr >> 4 & 7]);
	t->attr = attr;
}

static void
draw_cell(struct terminal *t, unsigned column, unsigned row, uint16_t cell, unsigned *at)
{
	char text[4];

	if (*at != row * t->columns + column)
		fprintf(t->out, "\033[%u;%uH", row + 1, column + 1);
	set_attr(t, cell >> 8);
	fputs(cell & 0xff ? cp437_utf8((uint8_t)cell, text) : " ", t->out);
	*at = row * t->columns + column + 1;
	if (column + 1 == t->columns)
		*at = UINT32_MAX; /* terminals differ about what comes behind the last column */
}

/* The machine's memory changes while it is read: each cell is read once. */
static void
draw_text(struct terminal *t)
{
	const uint8_t *text = t->display.mem + t->display.mode.text_offset;
	unsigned at = UINT32_MAX;

	for (unsigned i = 0; i < t->columns * t->rows; i++) {
		uint16_t cell = get_le16(text + sizeof(t->cursor) + 2 * (size_t)i);

		if (cell == t->cells[i])
			continue;
		t->cells[i] = cell;
		draw_cell(t, i % t->columns, i / t->columns, cell, &at);
	}
	memcpy(&t->cursor, text, sizeof(t->cursor));
	fprintf(t->out, "\033[%u;%uH\033[?25%c", t->cursor.row + 1u, t->cursor.column + 1u, t->cursor.shown ? 'h' : 'l');
	fflush(t->out);
}

static void
draw(struct terminal *t)
{
	const struct fb_mode *m = &t->display.mode;

	if (t->columns) {
		draw_text(t);
		return;
	}
	if (!t->graphics)
		fprintf(t->out, "\033[2J\033[H%ux%u pixels, no text. Ctrl-] leaves.\r\n", m->width, m->height);
	t->graphics = true;
	fflush(t->out);
}

static void
change_mode(struct terminal *t)
{
	const struct fb_mode *m = &t->display.mode;
	size_t n = (size_t)m->columns * m->rows;

	free(t->cells);
	t->columns = m->columns;
	t->rows = m->rows;
	t->cells = n ? malloc(n * sizeof(*t->cells)) : NULL;
	if (n && !t->cells)
		die("out of memory");
	for (size_t i = 0; i < n; i++)
		t->cells[i] = ' '; /* black on black: what the terminal is cleared to */
	t->attr = -1;
	t->graphics = false;
	fputs("\033[0;30;40m\033[2J", t->out);
	display_ask(&t->display, true);
	t->waiting = true;
}

static void
ask(struct terminal *t)
{
	if (t->waiting || timer_now() < t->earliest)
		return;
	display_ask(&t->display, false);
	t->waiting = true;
}

/* False at the machine's end. */
static bool
hear_machine(struct terminal *t, unsigned rate)
{
	switch (display_take(&t->display)) {
	case 0:
		return false;
	case FB_MODE:
		change_mode(t);
		break;
	case FB_DAMAGE:
		draw(t);
		t->waiting = false;
		t->earliest = timer_now() + 1000 / rate;
		break;
	}
	return true;
}

/* False when the user has had enough. */
static bool
hear_keys(const struct terminal *t)
{
	char buf[256];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return true;
	return n > 0 && terminal_keys(t->display.wire, buf, (size_t)n);
}

int
terminal_run(int machine, unsigned rate)
{
	static struct terminal t;
	struct pollfd p[2] = {{.fd = machine, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
	bool on = true;

	t = (struct terminal){.display.wire = machine, .out = stdout};
	make_raw();
	fputs("\033[?1049h", t.out);
	fflush(t.out);
	while (on && !ended) {
		int64_t in = t.earliest - timer_now();

		ask(&t);
		if (poll(p, ARRAY_LEN(p), !t.waiting && in > 0 ? (int)in : -1) < 0)
			continue;
		if (p[0].revents)
			on = hear_machine(&t, rate);
		if (on && p[1].revents)
			on = hear_keys(&t);
	}
	return 0;
}

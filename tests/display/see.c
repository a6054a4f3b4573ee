/* SPDX-License-Identifier: ISC */
/* What can be seen: commands that wait for something, and such that print it. */
#include <stdlib.h>
#include <string.h>

#include "common/cp437.h"
#include "common/timer.h"
#include "tests/display/display.h"

static void
line_text(uint32_t row, char *to)
{
	for (uint32_t x = 0; x < display.mode.columns; x++, to += strlen(to))
		cp437_utf8(display.memory[display.mode.text_offset + sizeof(struct fb_text_cursor) + 2 * (row * display.mode.columns + x)], to);
	while (to[-1] == ' ')
		to--;
	*to = 0;
}

static bool
has_text(char **word)
{
	static char line[3 * FB_SIDE_MAX + 1];

	for (uint32_t row = 0; display.memory && row < display.mode.rows; row++) {
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
	return display.mode.width == strtoul(word[0], NULL, 10) && display.mode.height == strtoul(word[1], NULL, 10);
}

static bool
has_cells(char **word)
{
	return display.mode.columns == strtoul(word[0], NULL, 10) && display.mode.rows == strtoul(word[1], NULL, 10);
}

static bool
has_mode(char **word)
{
	(void)word;
	return display.mode.kind;
}

static uint32_t
pixel(uint32_t x, uint32_t y)
{
	uint32_t p = 0;

	if (display.memory && x < display.mode.width && y < display.mode.height)
		memcpy(&p, display.memory + display.mode.offset + (size_t)y * display.mode.stride + x * 4, 4);
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
	return display.state.kind && display.state.leds == strtoul(word[0], NULL, 10) && display.state.absolute == strtoul(word[1], NULL, 10);
}

static bool
has_cursor(char **word)
{
	(void)word;
	return display.cursor_came;
}

static bool
has_clip(char **word)
{
	(void)word;
	return display.clip_came;
}

/* Asks again whenever it was answered, until it is so. */
void
display_await(bool (*is_so)(char **word), char **word, const char *line)
{
	int64_t until = timer_now() + display.patience;

	while (!is_so(word)) {
		display_ask(display.mode.kind ? 0 : FB_ASK_ALL);
		if (!display_receive(until))
			display_fail("not seen in time:", line);
	}
	/* A mode comes before its picture. */
	while (display.asked && is_so == has_size)
		if (!display_receive(until))
			display_fail("no picture in time:", line);
}

static void
do_text(char **word)
{
	static char line[3 * FB_SIDE_MAX + 2];
	struct fb_text_cursor c;

	(void)word;
	if (!display.memory || !display.mode.columns)
		display_fail("no text is shown", "");
	for (uint32_t row = 0; row < display.mode.rows; row++) {
		line_text(row, line + 1);
		fprintf(display.out, "%s\n", line + 1);
	}
	memcpy(&c, display.memory + display.mode.text_offset, sizeof(c));
	fprintf(display.out, "cursor %u %u %u\n", c.column, c.row, c.shown);
}

static void
do_mode(char **word)
{
	(void)word;
	fprintf(display.out, "mode %ux%u text %ux%u\n", display.mode.width, display.mode.height, display.mode.columns, display.mode.rows);
}

static void
do_ppm(char **word)
{
	FILE *f = fopen(word[0], "w");

	if (!f || !display.memory)
		display_fail("cannot write", word[0]);
	fprintf(f, "P6\n%u %u\n255\n", display.mode.width, display.mode.height);
	for (uint32_t y = 0; y < display.mode.height; y++)
		for (uint32_t x = 0; x < display.mode.width; x++) {
			uint32_t p = pixel(x, y);

			putc((int)(p >> 16 & 255), f);
			putc((int)(p >> 8 & 255), f);
			putc((int)(p & 255), f);
		}
	if (fclose(f))
		display_fail("cannot write", word[0]);
}

/* An answer that has been asked for before may say nothing of what is meant here. */
static void
do_changes(char **word)
{
	int64_t until = timer_now() + display.patience;

	(void)word;
	for (display_ask(0); !display.damaged;)
		if (!display_receive(until))
			display_fail("nothing has changed", "");
	for (uint32_t i = 0; i < display.damage.count; i++) {
		struct fb_rect r = display.damage.rects[i];

		fprintf(display.out, "%s%ux%u+%u+%u", i ? " " : "", r.width, r.height, r.x, r.y);
	}
	putc('\n', display.out);
	display.damaged = false;
}

static void
do_still(char **word)
{
	int64_t until = timer_now() + atoll(word[0]);

	display_ask(0);
	while (display_receive(until))
		if (display.damaged)
			display_fail("something has changed", "");
}

static void
do_cursor(char **word)
{
	(void)word;
	fprintf(display.out, "cursor %s %d,%d", display.cursor.flags & FB_CURSOR_SHOWN ? "shown" : "hidden", display.cursor.x, display.cursor.y);
	if (display.cursor.flags & FB_CURSOR_SHAPE)
		fprintf(display.out, " %ux%u-%u-%u", display.cursor.width, display.cursor.height, display.cursor.hot_x, display.cursor.hot_y);
	putc('\n', display.out);
	display.cursor_came = false;
}

static void
do_clipboard(char **word)
{
	(void)word;
	fprintf(display.out, "clipboard %s\n", display.clip);
	display.clip_came = false;
}

const struct command display_seeing[] = {
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
    {"clipboard", 0, has_clip, do_clipboard},
    {NULL, 0, NULL, NULL},
};

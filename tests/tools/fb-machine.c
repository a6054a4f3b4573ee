/* SPDX-License-Identifier: ISC */
/*
 * fb-machine [FIFO]: a machine that has nothing but a screen, on the fb wire of $VM_WIRES. Takes commands, a line each, from
 * FIFO, which it makes, or from its input, and prints what its display sends. A picture of 640x480 is there from the start.
 *
 *	mode W H          a picture, all black; 0 0: none
 *	text C R          text of that many columns and rows, in glyphs of 8x16
 *	pattern SEED      colours, gradients and letters, the same for the same seed and size
 *	fill X Y W H RGB  a rectangle of one colour (hexadecimal); noise X Y W H: of random ones
 *	puts TEXT         a line at the text's cursor, scrolling; \u is not special. attr HEX: what with
 *	scroll N [MS]     N lines of text, one every MS milliseconds (0)
 *	storm N MS        N times noise all over, one every MS milliseconds
 *	cursor X Y | off  the guest's own pointer, an arrow, half transparent
 *	state LEDS ABS    lights; whether the pointer can be put
 *	clip TEXT         was copied in the guest
 *	react             from now on a key that goes down changes the colour of the first 16x16 pixels
 *	dump FILE         writes the picture as a PPM; say TEXT: prints it, when all before is done; quit
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fb.h"
#include "common/timer.h"
#include "common/util.h"
#include "common/wire.h"

#define PICTURE 65536 /* the text is before it */
#define GLYPH_W 8
#define GLYPH_H 16

struct machine {
	int wire;
	struct fb_mode mode;
	uint8_t *mem;
	uint32_t *pixels;
	struct fb_text_cursor *cursor;
	uint16_t *cells;
	uint8_t attr;
	bool asked, changed, react;
	struct fb_rect damage;
	uint32_t random;
	int lines, storms, pause; /* to come, milliseconds between */
	int64_t next;
	unsigned line; /* of scroll, counted on */
};

static union fb_message message;

static void
deliver(struct machine *m)
{
	if (!m->asked || !m->changed)
		return;
	message.damage = (struct fb_damage){.kind = FB_DAMAGE, .count = m->damage.width ? 1 : 0};
	message.damage.rects[0] = m->damage;
	if (fb_send(m->wire, &message, -1) < 0)
		die_sys("damage");
	m->asked = m->changed = false;
	m->damage.width = 0;
}

static void
changed(struct machine *m, unsigned x, unsigned y, unsigned w, unsigned h)
{
	struct fb_rect *d = &m->damage;
	unsigned right = x + w, bottom = y + h;

	if (m->changed && d->width) {
		if (right < d->x + (unsigned)d->width)
			right = d->x + d->width;
		if (bottom < d->y + (unsigned)d->height)
			bottom = d->y + d->height;
		if (d->x < x)
			x = d->x;
		if (d->y < y)
			y = d->y;
	}
	*d = (struct fb_rect){(uint16_t)x, (uint16_t)y, (uint16_t)(right - x), (uint16_t)(bottom - y)};
	m->changed = true;
}

static void
set_mode(struct machine *m, unsigned w, unsigned h, unsigned columns, unsigned rows)
{
	size_t size = PICTURE + (size_t)w * h * 4;
	int fd = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (m->mem)
		munmap(m->mem, m->mode.size);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die_sys("memfd");
	m->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m->mem == MAP_FAILED || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE) < 0)
		die_sys("memfd");
	m->mode = (struct fb_mode){.kind = FB_MODE, .width = w, .height = h, .stride = w * 4, .offset = PICTURE,
		.size = (uint32_t)size, .columns = columns, .rows = rows};
	m->pixels = (uint32_t *)(void *)(m->mem + PICTURE);
	m->cursor = (struct fb_text_cursor *)(void *)m->mem;
	m->cells = (uint16_t *)(void *)(m->mem + sizeof(*m->cursor));
	message.mode = m->mode;
	if (fb_send(m->wire, &message, fd) < 0)
		die_sys("mode");
	close(fd);
	m->damage.width = 0;
	if (w)
		changed(m, 0, 0, w, h);
}

static uint32_t
noise(struct machine *m)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 17;
	m->random ^= m->random << 5;
	return m->random & 0xffffff;
}

/* What a character looks like: nothing that anybody could read, but as dense as letters are. */
static uint8_t
glyph_row(uint8_t c, unsigned row)
{
	uint32_t bits = (c + 1) * 2654435761u ^ row / 2 * 0x9e3779b9u;

	if (c == ' ' || c == 0 || row < 3 || row > 12)
		return 0;
	return (uint8_t)((bits >> 13 ^ bits >> 21) & 0x7e);
}

static void
draw_glyph(struct machine *m, unsigned column, unsigned row, uint8_t c, uint32_t ink, uint32_t paper)
{
	for (unsigned y = 0; y < GLYPH_H; y++) {
		uint32_t *p = m->pixels + (size_t)(row * GLYPH_H + y) * m->mode.width + column * GLYPH_W;
		uint8_t bits = glyph_row(c, y);

		for (unsigned x = 0; x < GLYPH_W; x++)
			p[x] = bits & 0x80 >> x ? ink : paper;
	}
}

static uint32_t
colour(unsigned n)
{
	uint32_t level = n & 8 ? 0xff : 0xaa;

	return (n & 4 ? level << 16 : 0) | (n & 2 ? level << 8 : 0) | (n & 1 ? level : 0);
}

static void
fill(struct machine *m, unsigned x, unsigned y, unsigned w, unsigned h, uint32_t rgb, bool random)
{
	if (x + w > m->mode.width || y + h > m->mode.height)
		die("outside of the picture");
	for (unsigned r = y; r < y + h; r++)
		for (unsigned c = x; c < x + w; c++)
			m->pixels[(size_t)r * m->mode.width + c] = random ? noise(m) : rgb;
	changed(m, x, y, w, h);
}

/* Some of all that screens show: flat colours, a gradient, text, a photograph's grain. */
static void
pattern(struct machine *m, uint32_t seed)
{
	unsigned w = m->mode.width, h = m->mode.height;

	m->random = seed * 2654435761u | 1;
	for (unsigned y = 0; y < h; y++)
		for (unsigned x = 0; x < w; x++) {
			unsigned part = (x * 4 / w + y * 4 / h + seed) % 4;
			uint32_t *p = &m->pixels[(size_t)y * w + x];

			*p = part == 0 ? colour(x / 64 + y / 64 + seed) : part == 1 ? (x * 255 / w) << 16 | (y * 255 / h) << 8 | (seed & 255) :
				part == 2 ? (glyph_row((uint8_t)(x / 8 * 7 + y / 16 * 13 + seed), y % 16) & 0x80 >> x % 8 ? 0xffffff : 0x000080) :
				(noise(m) & 0x0f0f0f) + 0x404040;
		}
	changed(m, 0, 0, w, h);
}

static void
scroll_up(struct machine *m)
{
	unsigned columns = m->mode.columns, rows = m->mode.rows;
	size_t row = (size_t)m->mode.width * GLYPH_H;

	memmove(m->cells, m->cells + columns, (size_t)columns * (rows - 1) * 2);
	memmove(m->pixels, m->pixels + row, row * (rows - 1) * 4);
	for (unsigned c = 0; c < columns; c++) {
		m->cells[(rows - 1) * columns + c] = (uint16_t)(m->attr << 8 | ' ');
		draw_glyph(m, c, rows - 1, ' ', 0, colour(m->attr >> 4));
	}
	changed(m, 0, 0, m->mode.width, m->mode.height);
}

static void
put_line(struct machine *m, const char *text)
{
	if (!m->mode.columns || !m->cursor)
		die("no text mode");
	for (unsigned c = 0; text[c] && c < m->mode.columns; c++) {
		m->cells[m->cursor->row * m->mode.columns + c] = (uint16_t)(m->attr << 8 | (uint8_t)text[c]);
		draw_glyph(m, c, m->cursor->row, (uint8_t)text[c], colour(m->attr & 15), colour(m->attr >> 4));
	}
	changed(m, 0, m->cursor->row * GLYPH_H, m->mode.columns * GLYPH_W, GLYPH_H);
	if (m->cursor->row + 1u < m->mode.rows)
		m->cursor->row++;
	else
		scroll_up(m);
}

static void
one_more(struct machine *m)
{
	char line[160];

	if (m->lines > 0) {
		snprintf(line, sizeof(line), "[%8u.%06u] line %u of a log that runs and runs, %x", m->line / 7, m->line * 7919 % 1000000, m->line,
			m->line * 2654435761u);
		m->line++;
		m->lines--;
		put_line(m, line);
	} else if (m->storms > 0) {
		m->storms--;
		fill(m, 0, 0, m->mode.width, m->mode.height, 0, true);
	}
	m->next = timer_now() + m->pause;
}

static void
show_cursor(struct machine *m, const char *args)
{
	struct fb_cursor *c = &message.cursor;
	int x, y;

	memset(c, 0, sizeof(*c));
	c->kind = FB_CURSOR;
	if (sscanf(args, "%d %d", &x, &y) == 2) {
		*c = (struct fb_cursor){.kind = FB_CURSOR, .flags = FB_CURSOR_SHOWN | FB_CURSOR_SHAPE, .x = x, .y = y, .width = 12, .height = 16,
			.hot_x = 1, .hot_y = 2};
		for (unsigned i = 0; i < 12 * 16; i++)
			c->pixels[i] = i % 12 > i / 12 ? 0 : i % 12 == i / 12 ? 0xffffffff : 0x80ff0000;
	}
	if (fb_send(m->wire, &message, -1) < 0)
		die_sys("cursor");
}

static void
dump(const struct machine *m, const char *path)
{
	FILE *f = fopen(path, "w");
	size_t n = (size_t)m->mode.width * m->mode.height;

	if (!f)
		die_sys("%s", path);
	fprintf(f, "P6\n%u %u\n255\n", m->mode.width, m->mode.height);
	for (size_t i = 0; i < n; i++)
		fwrite((const uint8_t[]){(uint8_t)(m->pixels[i] >> 16), (uint8_t)(m->pixels[i] >> 8), (uint8_t)m->pixels[i]}, 3, 1, f);
	if (fclose(f))
		die_sys("%s", path);
}

static bool
picture_command(struct machine *m, const char *verb, const char *args)
{
	unsigned a = 0, b = 0, c = 0, d = 0, e = 0;

	sscanf(args, "%u %u %u %u %x", &a, &b, &c, &d, &e);
	if (!strcmp(verb, "mode"))
		set_mode(m, a, b, 0, 0);
	else if (!strcmp(verb, "text"))
		set_mode(m, a * GLYPH_W, b * GLYPH_H, a, b);
	else if (!strcmp(verb, "pattern"))
		pattern(m, a);
	else if (!strcmp(verb, "fill") || !strcmp(verb, "noise"))
		fill(m, a, b, c, d, e, *verb == 'n');
	else if (!strcmp(verb, "attr"))
		m->attr = (uint8_t)strtoul(args, NULL, 16);
	else if (!strcmp(verb, "puts"))
		put_line(m, args);
	else if (!strcmp(verb, "scroll"))
		m->lines = (int)a, m->pause = (int)b, m->next = 0;
	else if (!strcmp(verb, "storm"))
		m->storms = (int)a, m->pause = (int)b, m->next = 0;
	else
		return false;
	return true;
}

static void
command(struct machine *m, char *line)
{
	char *args = line + strcspn(line, " ");
	unsigned a = 0, b = 0;

	if (*args)
		*args++ = '\0';
	if (picture_command(m, line, args))
		return;
	if (!strcmp(line, "cursor")) {
		show_cursor(m, args);
	} else if (!strcmp(line, "state") && sscanf(args, "%u %u", &a, &b) == 2) {
		message.state = (struct fb_state){FB_STATE, a, b};
		fb_send(m->wire, &message, -1);
	} else if (!strcmp(line, "clip")) {
		message.clipboard = (struct fb_clipboard){.kind = FB_CLIPBOARD};
		strncpy(message.clipboard.text, args, FB_CLIPBOARD_MAX - 1);
		fb_send(m->wire, &message, -1);
	} else if (!strcmp(line, "dump")) {
		dump(m, args);
	} else if (!strcmp(line, "react")) {
		m->react = true;
	} else if (!strcmp(line, "say")) {
		puts(args);
	} else if (!strcmp(line, "quit")) {
		exit(0);
	} else {
		die("%s: what?", line);
	}
}

static bool
busy(const struct machine *m)
{
	return m->lines > 0 || m->storms > 0;
}

static char buf[65536];
static size_t buf_len;

/* Those that have come, one when the one before is done. */
static void
run_commands(struct machine *m)
{
	char *end;

	while (!busy(m) && (end = memchr(buf, '\n', buf_len))) {
		*end = '\0';
		command(m, buf);
		buf_len -= (size_t)(end + 1 - buf);
		memmove(buf, end + 1, buf_len);
	}
}

static void
take_commands(int fd)
{
	ssize_t n = read(fd, buf + buf_len, sizeof(buf) - 1 - buf_len);

	if (n <= 0)
		exit(0);
	buf_len += (size_t)n;
}

static void
hear(struct machine *m)
{
	const char *why = "gone";
	int fd;
	ssize_t n = fb_recv(m->wire, false, &message, &fd, &why);

	if (n == 0) {
		puts("unplugged");
		exit(0);
	}
	if (n < 0)
		die("the display: %s", why);
	switch (message.kind) {
	case FB_ASK:
		m->asked = true;
		if (message.ask.flags & FB_ASK_ALL)
			changed(m, 0, 0, m->mode.width, m->mode.height);
		break;
	case FB_KEY:
		printf("key %02x %s\n", message.key.code, message.key.down ? "down" : "up");
		if (m->react && message.key.down)
			fill(m, 0, 0, 16, 16, noise(m), false);
		break;
	case FB_POINTER:
		printf("pointer %s %d %d wheel %d %d buttons %u\n", message.pointer.absolute ? "at" : "by", message.pointer.x, message.pointer.y,
			message.pointer.wheel, message.pointer.wheel_x, message.pointer.buttons);
		break;
	case FB_RESIZE:
		printf("resize %u %u\n", message.resize.width, message.resize.height);
		set_mode(m, message.resize.width, message.resize.height, 0, 0);
		pattern(m, 1);
		break;
	case FB_CLIPBOARD:
		printf("clip %.*s\n", (int)(n - (ssize_t)offsetof(struct fb_clipboard, text)), message.clipboard.text);
	}
}

static int
wire_of_environment(void)
{
	static struct wires ws;
	const struct wire *w;

	wires_load_env(&ws);
	w = wires_first(&ws, WIRE_FB);
	if (ws.faults || !w)
		die_usage("no fb wire");
	return w->fds[0];
}

int
main(int argc, char **argv)
{
	static struct machine m = {.random = 1, .attr = 7};
	struct pollfd p[2];
	int commands = 0;

	diag_init(argv[0], 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	m.wire = wire_of_environment();
	if (argc > 1) {
		if (mkfifo(argv[1], 0600) < 0 && errno != EEXIST)
			die_sys("%s", argv[1]);
		commands = open(argv[1], O_RDWR | O_CLOEXEC);
	}
	if (commands < 0)
		die_sys("%s", argv[1]);
	set_mode(&m, 640, 480, 0, 0);
	puts("up");
	p[0] = (struct pollfd){.fd = m.wire, .events = POLLIN};
	p[1] = (struct pollfd){.fd = commands, .events = POLLIN};
	for (;;) {
		int64_t in = busy(&m) ? m.next - timer_now() : -1;

		p[1].events = busy(&m) ? 0 : POLLIN;
		if (poll(p, ARRAY_LEN(p), busy(&m) && in < 0 ? 0 : (int)in) < 0)
			die_sys("poll");
		if (p[0].revents)
			hear(&m);
		if (busy(&m) && timer_now() >= m.next)
			one_more(&m);
		if (p[1].revents)
			take_commands(commands);
		run_commands(&m);
		deliver(&m);
	}
}

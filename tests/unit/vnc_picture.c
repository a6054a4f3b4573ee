/* SPDX-License-Identifier: ISC */
/* What a viewer is sent makes its picture the machine's, whatever happens there; and a scroll is one copy. */
/* links: vm-vnc/picture.c vm-vnc/scroll.c */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vm-vnc/picture.h"

#define W 203
#define H 150
#define STRIDE (W + 5)

static struct picture p;
static uint32_t *machine, viewer[W * H];
static unsigned sent, copied;

static void
show(void)
{
	struct fb_mode mode = {FB_MODE, W, H, STRIDE * 4, 64, 64 + STRIDE * 4 * H, 0, 0, 0};
	int fd = memfd_create("picture", 0);
	uint8_t *mem;

	if (fd < 0 || ftruncate(fd, mode.size) < 0)
		abort();
	mem = mmap(NULL, mode.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	machine = (uint32_t *)(void *)(mem + 64);
	ok(!picture_open(&p, &mode, fd), "a picture");
}

/* One update, as a viewer would take it. */
static void
update(void)
{
	struct fb_rect r;
	unsigned from;
	static uint32_t old[W * H];

	sent = copied = 0;
	if (picture_scrolled(&p, &r, &from)) {
		memcpy(old, viewer, sizeof(old));
		for (unsigned y = 0; y < r.height; y++)
			memcpy(viewer + (r.y + y) * W + r.x, old + (from + y) * W + r.x, r.width * 4u);
		copied = (unsigned)r.width * r.height;
	}
	picture_compare(&p);
	while (picture_next(&p, 40000, &r)) {
		for (unsigned y = r.y; y < r.y + r.height + 0u; y++)
			memcpy(viewer + y * W + r.x, p.copy + y * W + r.x, r.width * 4u);
		sent += (unsigned)r.width * r.height;
	}
}

static bool
same(void)
{
	for (unsigned y = 0; y < H; y++)
		if (memcmp(viewer + y * W, machine + y * STRIDE, W * 4))
			return false;
	return true;
}

static void
fill(unsigned x, unsigned y, unsigned w, unsigned h)
{
	for (unsigned r = y; r < y + h; r++)
		for (unsigned c = x; c < x + w; c++)
			machine[r * STRIDE + c] = (uint32_t)rand() & 0xffffff;
	picture_mark(&p, x, y, w, h, TILE_DOUBTED);
}

/* The rows from..to by n: up where it is below 0. */
static void
scroll(unsigned from, unsigned to, int n)
{
	if (n < 0)
		memmove(machine + from * STRIDE, machine + (from - (unsigned)n) * STRIDE, (to - from + n) * STRIDE * 4);
	else
		memmove(machine + (from + (unsigned)n) * STRIDE, machine + from * STRIDE, (to - from - (unsigned)n) * STRIDE * 4);
	picture_mark(&p, 0, from, W, to - from, TILE_DOUBTED);
}

/* As a machine says it that compares for itself: only what differs. */
static void
mark_differences(void)
{
	memset(p.tiles, TILE_SAME, (size_t)p.columns * p.rows);
	for (unsigned y = 0; y < H; y++)
		for (unsigned x = 0; x < W; x++)
			if (viewer[y * W + x] != machine[y * STRIDE + x])
				picture_mark(&p, x, y, 1, 1, TILE_DOUBTED);
}

static void
at_random(void)
{
	unsigned x = (unsigned)rand() % W, y = (unsigned)rand() % H;
	int n = rand() % 60 - 30;

	if (rand() % 2)
		fill(x, y, 1 + (unsigned)rand() % (W - x), 1 + (unsigned)rand() % (H - y));
	else if (n)
		scroll(0, H, n);
	if (rand() % 8 == 0)
		picture_mark(&p, x, y, 5, 5, TILE_CHANGED);
}

static void
test_tiles(void)
{
	fill(0, 0, W, H);
	update();
	ok(same() && sent == W * H, "all at first");
	picture_mark(&p, 0, 0, W, H, TILE_DOUBTED);
	update();
	ok(!sent, "nothing, of what is as it was");
	fill(33, 17, 1, 1);
	picture_mark(&p, 0, 0, W, H, TILE_DOUBTED);
	update();
	ok(same() && sent == TILE * TILE, "one pixel is one tile");
	picture_mark(&p, 190, 140, 4000, 4000, TILE_CHANGED);
	picture_mark(&p, 65535, 65535, 65535, 65535, TILE_CHANGED);
	update();
	ok(sent == (W - 176) * (H - 128), "what must be sent, cut to the picture");
	picture_mark(&p, 0, 0, 16, 16, TILE_CHANGED);
	picture_mark(&p, 0, 0, 32, 16, TILE_DOUBTED);
	update();
	ok(sent == 16 * 16, "what must be sent is, even where it is doubted, too");
}

static void
test_scrolls(void)
{
	scroll(0, H, -16);
	update();
	ok(same() && copied == W * (H - 16) && sent <= 16 * 3 * W, "up by a line");
	scroll(0, H, 7);
	fill(0, 0, W, 7);
	update();
	ok(same() && copied >= W * (H - 10) && sent <= 16 * 3 * W, "down by 7 rows, with new ones above");
	scroll(16, 128, -31);
	update();
	ok(same() && copied, "a part of it");
	scroll(0, H, -16);
	picture_mark(&p, 0, 0, 1, 1, TILE_CHANGED);
	update();
	ok(same() && !copied, "no copy of what the viewer may not have");
}

static void
test_alike_rows(void)
{
	for (unsigned y = 0; y < H; y++)
		for (unsigned x = 0; x < W; x++)
			machine[y * STRIDE + x] = y / 2 % 2 ? 0xffffff : 0;
	picture_mark(&p, 0, 0, W, H, TILE_DOUBTED);
	update();
	scroll(0, H, -2);
	update();
	ok(same(), "rows that are all alike");
	for (unsigned y = 0; y < H; y++)
		for (unsigned x = 0; x < W; x++) /* a page with a blank half, line by line as different as text is */
			machine[y * STRIDE + x] = x < 64 || y % 16 < 4 ? 0 : (y / 16 + 1) * 7919 + x % (y / 16 + 2);
	mark_differences();
	update();
	scroll(0, H, -16);
	mark_differences();
	update();
	ok(same() && copied, "scrolled, and only what differs is told");
}

static void
test_at_random(void)
{
	bool all = true;

	for (unsigned i = 0; i < 2000 && all; i++) {
		at_random();
		if (rand() % 3 == 0)
			at_random();
		if (rand() % 2)
			mark_differences();
		update();
		all = same();
	}
	ok(all, "2000 changes at random");
}

int
main(void)
{
	show();
	test_tiles();
	test_scrolls();
	test_alike_rows();
	test_at_random();
	picture_close(&p);
	ok(!picture_open(&p, &(struct fb_mode){.kind = FB_MODE}, -1), "no picture");
	picture_mark(&p, 0, 0, 10, 10, TILE_CHANGED);
	update();
	ok(!sent, "of which nothing is sent");
	return tap_done();
}

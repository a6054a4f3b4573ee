/* links: kvm-run/screen.c kvm-run/screen_damage.c kvm-run/screen_memory.c */
/* SPDX-License-Identifier: ISC */
/* The machine's end of an fb wire, seen by a display that is polite, slow, hostile or gone. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/timer.h"
#include "kvm-run/input.h"
#include "kvm-run/iothread.h"
#include "kvm-run/screen.h"
#include "kvm-run/screen_damage.h"
#include "kvm-run/vm.h"
#include "tests/unit/tap.h"
#include "tests/unit/thread_stub.h"

#define WIDTH 640
#define HEIGHT 480

static struct vm vm;
static struct iothread io;
static struct screen *screen;
static struct screen_memory memory;
static int display;
static unsigned states, looks, keys, releases, resized;
static bool watched, change;
static union fb_message in;
static int in_fd;

void
input_key(struct input *i, unsigned code, bool down)
{
	(void)i, (void)down;
	keys += code;
}

void
input_pointer(struct input *i, const struct fb_pointer *p)
{
	(void)i, (void)p;
}

void
input_release(struct input *i)
{
	(void)i;
	releases++;
}

void
input_listen(struct input *i, input_state *state, void *arg)
{
	(void)i;
	if (state)
		state(arg, FB_LED_NUM, false);
}

static void
refresh(void *dev)
{
	(void)dev;
	looks++;
	if (change)
		screen_damage(screen, 16, 32, 16, 1);
	change = false;
}

static void
on_watched(void *dev, bool on)
{
	(void)dev;
	watched = on;
}

static void
on_resize(void *dev, uint32_t width, uint32_t height)
{
	(void)dev;
	resized = width * height;
}

static const struct screen_ops pulled = {.refresh = refresh, .watched = on_watched, .resize = on_resize};
static const struct screen_ops pushed = {.watched = on_watched};

static void
begin(const struct screen_ops *ops)
{
	int pair[2];
	struct wire w = {.kind = WIRE_FB, .nfds = 1, .id = "fb0"};

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	display = pair[0];
	w.fds[0] = pair[1];
	states = looks = keys = releases = 0;
	watched = change = false;
	if (screen_create(&vm, &w, ops, NULL, &screen))
		abort();
	/* The id is the wire's, which lasts as long as the machine. */
	screen_mode(screen, &(struct fb_mode){.width = WIDTH, .height = HEIGHT, .stride = WIDTH * 4, .size = WIDTH * HEIGHT * 4}, memory.fd);
}

static void
end(void)
{
	screen_destroy(screen);
	close(display);
}

/* The next message for the display within ms; its kind, 0 when none comes, -1 at the end. */
static int
next(int ms)
{
	for (int64_t until = timer_now() + ms;;) {
		ssize_t len = fb_recv(display, true, &in, &in_fd, NULL);

		if (len > 0 && in.kind == FB_STATE) {
			states++;
			continue;
		}
		if (len >= 0)
			return len ? (int)in.kind : -1;
		if (errno != EAGAIN)
			return -1;
		if (timer_now() >= until)
			return 0;
		loop_once(&io.loop, 1);
	}
}

static void
send_ask(uint32_t flags)
{
	fb_send(display, (const union fb_message *)&(struct fb_ask){FB_ASK, flags}, -1);
}

static void
test_memory(void)
{
	begin(&pulled);
	ok(next(0) == FB_MODE && in.mode.width == WIDTH && in_fd >= 0, "a mode at once");
	ok(states == 1, "and the keyboard's lights");
	ok(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, in_fd, 0) == MAP_FAILED, "nobody else writes to its memory");
	ok(mmap(NULL, 4096, PROT_READ, MAP_SHARED, in_fd, 0) != MAP_FAILED, "but reads it");
	ok(ftruncate(in_fd, 4096) < 0 && ftruncate(in_fd, 1 << 30) < 0, "which stays as large as it is");
	close(in_fd);
	end();
}

static void
test_asking(void)
{
	begin(&pulled);
	next(0);
	close(in_fd);
	screen_damage(screen, 0, 0, 1, 1);
	ok(!next(50) && !looks && !watched, "who does not ask is told nothing, and nothing is looked at");
	send_ask(0);
	ok(next(1000) == FB_DAMAGE && in.damage.count == 1 && in.damage.rects[0].width == WIDTH, "the first answer: all of it");
	ok(watched && looks, "by a look");
	send_ask(0);
	ok(!next(60), "no change, no answer");
	change = true;
	ok(next(1000) == FB_DAMAGE && in.damage.count == 1 && in.damage.rects[0].x == 16 && in.damage.rects[0].y == 32, "a change");
	ok(!next(60), "one answer for a question");
	send_ask(0);
	send_ask(FB_ASK_ALL);
	ok(next(1000) == FB_DAMAGE && in.damage.rects[0].height == HEIGHT, "all, when asked for");
	ok(!next(60), "one answer for two questions");
	looks = 0;
	send_ask(0);
	next(500);
	ok(looks >= 3 && looks <= 12, "looks become rarer while nothing changes: %u in half a second", looks);
	screen_mode(screen, &(struct fb_mode){.width = 8, .height = 8, .stride = 32, .size = 256}, memory.fd);
	ok(next(1000) == FB_MODE && in.mode.width == 8, "a new mode, since somebody asks");
	close(in_fd);
	ok(next(1000) == FB_DAMAGE && in.damage.rects[0].width == 8, "then its picture");
	for (unsigned i = 0; i < 1000; i++)
		screen_mode(screen, &(struct fb_mode){.width = 8 + i % 2, .height = 8, .stride = 64, .size = 512}, memory.fd);
	ok(!next(60), "modes are not told to who does not ask");
	ok(watched, "still watched");
	for (int64_t until = timer_now() + 4000; watched && timer_now() < until;)
		loop_once(&io.loop, 100);
	ok(!watched, "but not when nobody has asked for some time");
	end();
}

static void
test_pushed(void)
{
	begin(&pushed);
	next(0);
	close(in_fd);
	send_ask(0);
	next(1000);
	send_ask(0);
	ok(!next(60), "nothing yet");
	screen_damage(screen, 600, 470, 100, 100);
	ok(next(1000) == FB_DAMAGE && in.damage.rects[0].width == 40 && in.damage.rects[0].height == 10, "pushed, and cut to the picture");
	screen_damage(screen, 5000, 0, 1, 1);
	send_ask(0);
	ok(!next(60), "outside of the picture nothing changes");
	end();
}

static void
test_input(void)
{
	begin(&pulled);
	fb_send(display, (const union fb_message *)&(struct fb_key){FB_KEY, 30, 1}, -1);
	fb_send(display, (const union fb_message *)&(struct fb_resize){FB_RESIZE, 800, 600}, -1);
	next(20);
	close(in_fd);
	next(20);
	ok(keys == 30 && resized == 800 * 600, "keys and sizes are handed on");
	end();
	ok(releases == 1, "and let go at the end");
	/* Closed at once, with all unread that the machine has said, and the machine says more before it reads. */
	begin(&pulled);
	fb_send(display, (const union fb_message *)&(struct fb_key){FB_KEY, 31, 1}, -1);
	close(display);
	screen_cursor(screen, &(struct fb_cursor){.flags = 0});
	for (unsigned i = 0; i < 4; i++)
		loop_once(&io.loop, 10);
	ok(keys == 31 && releases == 1, "what was typed last is not lost");
	display = -1;
	end();
}

/* Nobody reads: the socket fills, nothing waits, and what is said at last is the last. */
static void
test_full(void)
{
	static struct fb_cursor c = {.flags = FB_CURSOR_SHOWN | FB_CURSOR_SHAPE, .width = 64, .height = 64};
	unsigned n = 0;

	begin(&pulled);
	for (int i = 0; i < 2000; i++) {
		c.x = i;
		screen_cursor(screen, &c);
		loop_once(&io.loop, 0);
	}
	while (next(50) > 0) {
		n += in.kind == FB_CURSOR;
		if (in_fd >= 0)
			close(in_fd);
	}
	ok(n > 2 && n < 1000 && in.cursor.x == 1999, "of 2000 cursors %u, and the last one", n);
	ok(in.cursor.flags & FB_CURSOR_SHAPE, "with its shape");
	c.flags = 0;
	screen_cursor(screen, &c);
	ok(next(50) == FB_CURSOR && !in.cursor.flags, "hidden, without its shape");
	end();
}

static void
test_gone(void)
{
	static const char junk[] = "no message of this protocol";

	begin(&pulled);
	send_ask(0);
	next(20);
	close(in_fd);
	while (next(50) > 0)
		;
	shutdown(display, SHUT_RDWR);
	loop_once(&io.loop, 100);
	ok(!watched && releases == 1, "a display that hangs up");
	screen_damage(screen, 0, 0, 5, 5);
	end();
	begin(&pulled);
	next(0);
	close(in_fd);
	send(display, junk, sizeof(junk), 0);
	ok(next(200) == -1, "one that sends junk is shown nothing any more");
	end();
	begin(&pulled);
	next(0);
	close(in_fd);
	fb_send(display, (const union fb_message *)&(struct fb_damage){.kind = FB_DAMAGE}, -1);
	ok(next(200) == -1, "as one that plays a machine");
	end();
}

static void
test_joined(void)
{
	struct screen_damage d = {0};
	bool covered = true;

	for (uint16_t i = 0; i < 10; i++)
		damage_add(&d, (struct fb_rect){0, (uint16_t)(16 * i), 100, 16});
	ok(d.n == 1 && d.rects[0].height == 160, "what continues a rectangle makes it larger");
	for (uint16_t i = 0; i < 1000; i++)
		damage_add(&d, (struct fb_rect){(uint16_t)(200 + i % 40 * 20), (uint16_t)(i / 40 * 20), 5, 5});
	for (uint16_t i = 0; i < 1000; i++) {
		uint16_t x = (uint16_t)(200 + i % 40 * 20), y = (uint16_t)(i / 40 * 20);
		bool in_one = false;

		for (unsigned k = 0; k < d.n; k++)
			in_one |= d.rects[k].x <= x && d.rects[k].y <= y && d.rects[k].x + d.rects[k].width >= x + 5 &&
			    d.rects[k].y + d.rects[k].height >= y + 5;
		covered &= in_one;
	}
	ok(d.n == FB_RECTS_MAX && covered, "too many are joined, and none is forgotten");
}

int
main(void)
{
	diag_verbose = -1;
	vm.io = &io;
	if (loop_init(&io.loop) || screen_memory_create(&memory, 1 << 24))
		abort();
	test_memory();
	test_asking();
	test_pushed();
	test_input();
	test_full();
	test_gone();
	test_joined();
	return tap_done();
}

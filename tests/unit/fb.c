/* SPDX-License-Identifier: ISC */
/* Messages of an fb wire: what goes in comes out, and what is wrong is refused with the reason. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fb.h"
#include "tests/unit/tap.h"

static union fb_message m, got;
static int sv[2];

static void
test_through(void)
{
	int fd = -1, memory = memfd_create("fb", MFD_CLOEXEC);

	m.mode = (struct fb_mode){.kind = FB_MODE, .width = 640, .height = 480, .stride = 2560, .size = 640 * 480 * 4};
	ok(!fb_send(sv[0], &m, memory) && fb_recv(sv[1], true, &got, &fd, NULL) == sizeof(m.mode) && fd >= 0 &&
	    !memcmp(&m, &got, sizeof(m.mode)) && fcntl(fd, F_GETFD) == FD_CLOEXEC, "a mode, with its memory");
	close(fd);
	m.damage = (struct fb_damage){.kind = FB_DAMAGE, .count = 2, .rects = {{1, 2, 3, 4}, {5, 6, 7, 8}}};
	ok(!fb_send(sv[0], &m, -1) && fb_recv(sv[1], true, &got, &fd, NULL) == 24 && fd < 0 && got.damage.rects[1].height == 8,
	    "damage, as long as its rectangles");
	m.cursor = (struct fb_cursor){FB_CURSOR, FB_CURSOR_SHAPE, -3, 4, 2, 2, 1, 1, {1, 2, 3, 4}};
	ok(!fb_send(sv[0], &m, -1) && fb_recv(sv[1], true, &got, &fd, NULL) == 40 && got.cursor.pixels[3] == 4, "a cursor");
	m.clipboard = (struct fb_clipboard){.kind = FB_CLIPBOARD, .text = "text"};
	ok(!fb_send(sv[0], &m, -1) && fb_recv(sv[1], false, &got, &fd, NULL) == 12 && !strcmp(got.clipboard.text, "text"),
	    "a text, from either side");
	memset(m.clipboard.text, 'x', FB_CLIPBOARD_MAX);
	ok(!fb_send(sv[0], &m, -1) && fb_recv(sv[1], true, &got, &fd, NULL) == FB_MESSAGE_MAX, "the longest text");
	close(memory);
}

static void
test_faults(void)
{
	static const struct {
		union fb_message m;
		size_t len; /* 0: its own */
		bool from_machine;
		const char *fault;
	} v[] = {
	    {{.key = {FB_KEY, 0x1e, 1}}, 0, false, NULL},
	    {{.key = {FB_KEY, 0x1e, 1}}, 0, true, "a message of an unknown kind"},
	    {{.key = {FB_KEY, 0x1e, 1}}, 8, false, "a message of the wrong length"},
	    {{.key = {FB_KEY, 0x1e, 1}}, 16, false, "a message of the wrong length"},
	    {{.key = {FB_KEY, 0x100, 1}}, 0, false, "no key"},
	    {{.kind = 99}, 4, true, "a message of an unknown kind"},
	    {{.kind = FB_KEY}, 3, false, "a message of an unknown kind"},
	    {{.mode = {FB_MODE, 2, 2, 8, 0, 16, 0, 0, 0}}, 0, true, NULL},
	    {{.mode = {FB_MODE, 2, 2, 8, 0, 15, 0, 0, 0}}, 0, true, "a picture that ends behind its memory"},
	    {{.mode = {FB_MODE, 2, 2, 0xfffffff8, 0, 16, 0, 0, 0}}, 0, true, "a picture that ends behind its memory"},
	    {{.mode = {FB_MODE, 2, 2, 4, 0, 16, 0, 0, 0}}, 0, true, "rows that overlap, or pixels that are not aligned"},
	    {{.mode = {FB_MODE, 2, 0, 8, 0, 16, 0, 0, 0}}, 0, true, "a picture of no size, or too large"},
	    {{.mode = {FB_MODE, 8193, 1, 40000, 0, 40000, 0, 0, 0}}, 0, true, "a picture of no size, or too large"},
	    {{.mode = {FB_MODE, 2, 2, 8, 0, 28, 2, 1, 16}}, 0, true, NULL},
	    {{.mode = {FB_MODE, 2, 2, 8, 0, 27, 2, 1, 16}}, 0, true, "text that ends behind its memory"},
	    {{.mode = {FB_MODE, 2, 2, 8, 0, 28, 2, 0, 16}}, 0, true, "text of no size, too large, or not aligned"},
	    {{.damage = {.kind = FB_DAMAGE, .count = FB_RECTS_MAX + 1}}, 16, true, "more rectangles than there may be"},
	    {{.damage = {.kind = FB_DAMAGE, .count = 2}}, 16, true, "a message of the wrong length"},
	    {{.cursor = {.kind = FB_CURSOR, .flags = FB_CURSOR_SHAPE, .width = 65, .height = 1}}, 32, true,
		"a cursor of no size, or too large"},
	    {{.cursor = {.kind = FB_CURSOR, .flags = FB_CURSOR_SHAPE, .width = 1, .height = 1, .hot_x = 1}}, 0, true,
		"a cursor with its hot spot outside"},
	    {{.cursor = {.kind = FB_CURSOR, .flags = 4}}, 0, true, "a cursor with unknown flags"},
	    {{.pointer = {FB_POINTER, 1, 0, FB_POINTER_MAX, 0, 0, 0}}, 0, false, NULL},
	    {{.pointer = {FB_POINTER, 1, -1, 0, 0, 0, 0}}, 0, false, "a pointer that is nowhere"},
	    {{.pointer = {FB_POINTER, 0, -1, 0, 0, 0, 0}}, 0, false, NULL},
	    {{.pointer = {FB_POINTER, 0, 0, 0, 40000, 0, 0}}, 0, false, "a wheel that turns too far"},
	    {{.resize = {FB_RESIZE, 0, 600}}, 0, false, "a size of nothing, or too large"},
	    {{.ask = {FB_ASK, 2}}, 0, false, "asking with unknown flags"},
	    {{.state = {FB_STATE, 8, 0}}, 0, true, "lights or a pointer that nobody knows"},
	    {{.clipboard = {.kind = FB_CLIPBOARD, .text = "a"}}, 10, true, "a text with a NUL"},
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		is(fb_fault(&v[i].m, v[i].len ? v[i].len : fb_length(&v[i].m), v[i].from_machine), v[i].fault,
		    v[i].fault ? v[i].fault : "a good message");
}

static void
test_descriptors(void)
{
	const char *why = NULL;
	int fd;

	m.key = (struct fb_key){FB_KEY, 1, 1};
	ok(!fb_send(sv[0], &m, 0) && fb_recv(sv[1], false, &got, &fd, &why) < 0 && errno == EBADMSG && fd < 0, "a key with a descriptor");
	is(why, "a descriptor that nobody asked for", "is refused");
	m.mode = (struct fb_mode){.kind = FB_MODE, .width = 1, .height = 1, .stride = 4, .size = 4};
	ok(!fb_send(sv[0], &m, -1) && fb_recv(sv[1], true, &got, &fd, &why) < 0, "a mode without a descriptor");
	is(why, "a mode without its memory", "is refused");
	m.mode = (struct fb_mode){.kind = FB_MODE};
	ok(!fb_send(sv[0], &m, -1) && fb_recv(sv[1], true, &got, &fd, &why) == sizeof(m.mode) && fd < 0, "a mode of nothing needs none");
	ok(fcntl(sv[1], F_SETFL, O_NONBLOCK) == 0 && fb_recv(sv[1], true, &got, &fd, &why) < 0 && errno == EAGAIN, "nothing to read");
	close(sv[0]);
	ok(fb_recv(sv[1], true, &got, &fd, &why) == 0, "the end");
}

int
main(void)
{
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv);
	test_through();
	test_faults();
	test_descriptors();
	return tap_done();
}

/* SPDX-License-Identifier: ISC */
/*
 * What a machine and a display say to each other on an fb wire, vm-fb(7): a SOCK_SEQPACKET socket, a message a packet,
 * numbers little endian as on the machines that we run on, no padding that is not named. The pixels themselves are in
 * a memfd that the machine owns and the display can only read. Nothing is drawn, compared or sent for a display that does
 * not ask: it asks with FB_ASK, and is answered with one FB_DAMAGE as soon as something has changed.
 */
#ifndef COMMON_FB_H
#define COMMON_FB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FB_SIDE_MAX 8192       /* pixels of a side */
#define FB_RECTS_MAX 256       /* of a damage; more are joined by the machine */
#define FB_CURSOR_MAX 64       /* pixels of a side */
#define FB_CLIPBOARD_MAX 65536 /* bytes of UTF-8, no NUL */
#define FB_MESSAGE_MAX (8 + FB_CLIPBOARD_MAX)

enum fb_kind {
	/* machine to display */
	FB_MODE = 1,
	FB_DAMAGE,
	FB_CURSOR,
	FB_STATE,
	/* display to machine */
	FB_ASK = 17,
	FB_KEY,
	FB_POINTER,
	FB_RESIZE,
	/* both */
	FB_CLIPBOARD = 33,
};

/*
 * The picture's form: at the start, and whenever it changes; all of the picture counts as changed. With one descriptor:
 * a memfd of at least `size` bytes, sealed against shrinking and against writing by others, which replaces the one before.
 * Pixels are 32 bits, 0x00RRGGBB; the first is at `offset`, each row `stride` bytes after the one before.
 * In text mode the characters are there too, `columns` by `rows` (0 when there are none) as 16-bit cells from
 * `text_offset`: code page 437 in the low byte, the attribute of VGA in the high one; before them, a struct fb_text_cursor.
 * Everything is within `size`. Width and height 0: the machine shows nothing; with size 0, too, there is no descriptor.
 */
struct fb_mode {
	uint32_t kind;
	uint32_t width, height, stride;
	uint32_t offset, size;
	uint32_t columns, rows, text_offset;
};

/* At text_offset; the cells follow. `shown` is 0 or 1. */
struct fb_text_cursor {
	uint16_t column, row, shown, reserved;
};

struct fb_rect {
	uint16_t x, y, width, height;
};

/* What has changed since the last one, `count` rectangles within the picture: the message is that long. */
struct fb_damage {
	uint32_t kind, count;
	struct fb_rect rects[FB_RECTS_MAX];
};

/*
 * The guest's own pointer shape, where it has one: x, y are where its hot spot is. With FB_CURSOR_SHAPE width by height
 * pixels follow, 0xAARRGGBB, not premultiplied, else the shape stays and the message ends at `pixels`.
 */
#define FB_CURSOR_SHOWN 1u
#define FB_CURSOR_SHAPE 2u

struct fb_cursor {
	uint32_t kind, flags;
	int32_t x, y;
	uint16_t width, height, hot_x, hot_y;
	uint32_t pixels[FB_CURSOR_MAX * FB_CURSOR_MAX];
};

#define FB_LED_SCROLL 1u
#define FB_LED_NUM 2u
#define FB_LED_CAPS 4u

/* The keyboard's lights; and whether the guest has a pointer that can be put somewhere, or one that is only moved. */
struct fb_state {
	uint32_t kind, leds, absolute;
};

/* Answer when something has changed, or with FB_ASK_ALL at once with the whole picture. One answer serves all asked before it. */
#define FB_ASK_ALL 1u

struct fb_ask {
	uint32_t kind, flags;
};

/* A key of the PC's keyboard by its scan code of set 1; for those that E0 precedes, 0x80 is added (as in QEMU's RFB key event). */
struct fb_key {
	uint32_t kind, code, down;
};

#define FB_BUTTON_LEFT 1u
#define FB_BUTTON_MIDDLE 2u
#define FB_BUTTON_RIGHT 4u
#define FB_BUTTON_SIDE 8u
#define FB_BUTTON_EXTRA 16u
#define FB_POINTER_MAX 32767

/* With `absolute` x and y are 0 to FB_POINTER_MAX across the picture, else how far it was moved, down and right being
 * positive. Wheels in notches, positive away from the user and to the right. Buttons: those that are down. */
struct fb_pointer {
	uint32_t kind, absolute;
	int32_t x, y, wheel, wheel_x;
	uint32_t buttons;
};

/* The size in pixels that the display would like the picture to have. */
struct fb_resize {
	uint32_t kind, width, height;
};

/* Text that was copied on the other side; ends with the message. */
struct fb_clipboard {
	uint32_t kind, reserved;
	char text[FB_CLIPBOARD_MAX];
};

/* One message, as large as the largest. Not for a small stack. */
union fb_message {
	uint32_t kind; /* enum fb_kind */
	struct fb_mode mode;
	struct fb_damage damage;
	struct fb_cursor cursor;
	struct fb_state state;
	struct fb_ask ask;
	struct fb_key key;
	struct fb_pointer pointer;
	struct fb_resize resize;
	struct fb_clipboard clipboard;
};

/* The bytes of m that are sent, from its kind and counts. m is valid. */
size_t fb_length(const union fb_message *m);

/* NULL when these len bytes (the rest of m is not read) are a whole, valid message that the machine or the display may send;
 * else what is wrong with them. */
const char *fb_fault(const union fb_message *m, size_t len, bool from_machine);

/* Sends m, an FB_MODE with fd, others with -1. 0, or -1 with errno: EAGAIN when the socket is full and does not wait. */
int fb_send(int sock, const union fb_message *m, int fd);

/* One message of the peer, a machine or a display. Its length; 0 at the end; -1 with errno: EAGAIN, or EBADMSG for what
 * fb_fault() says, told in *why if that is not NULL. *fd: the mode's descriptor (close-on-exec, the caller's), else -1. */
ssize_t fb_recv(int sock, bool from_machine, union fb_message *m, int *fd, const char **why);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A PS/2 mouse; the contracts are in ps2.h. The wheel (id 3) and the buttons 4 and 5 (id 4) are unlocked by setting three
 * sample rates one after the other, as Microsoft's IntelliMouse and IntelliMouse Explorer have it.
 */
#include <string.h>

#include "common/fb.h"
#include "kvm-run/ps2.h"

enum {
	SCALE_1 = 0xe6,
	SCALE_2 = 0xe7,
	SET_RESOLUTION = 0xe8,
	STATUS = 0xe9,
	STREAM = 0xea,
	READ = 0xeb,
	UNWRAP = 0xec,
	WRAP = 0xee,
	REMOTE = 0xf0,
	IDENTIFY = 0xf2,
	SET_RATE = 0xf3,
	ENABLE = 0xf4,
	DISABLE = 0xf5,
	DEFAULTS = 0xf6,
	RESET = 0xff,
};
#define SELF_TEST_PASSED 0xaa
#define ID_WHEEL 3
#define ID_BUTTONS 4
#define PACKET_MAX 4

/* A packet's first byte. */
#define ALWAYS 0x08
#define X_NEGATIVE 0x10
#define Y_NEGATIVE 0x20

#define FIRST_BUTTONS (FB_BUTTON_LEFT | FB_BUTTON_MIDDLE | FB_BUTTON_RIGHT)
#define DEFAULT_RATE 100
#define DEFAULT_RESOLUTION 2 /* 4 counts a millimetre */

static int32_t
within(int32_t v, int32_t least, int32_t most)
{
	return v < least ? least : v > most ? most : v;
}

/* As far as one packet can tell it; what is left is for the next. */
static int32_t
take(int32_t *v, int32_t least, int32_t most)
{
	int32_t some = within(*v, least, most);

	*v -= some;
	return some;
}

static uint8_t
button_bits(uint8_t buttons)
{
	return (uint8_t)((buttons & FB_BUTTON_LEFT ? 1 : 0) | (buttons & FB_BUTTON_RIGHT ? 2 : 0) |
	    (buttons & FB_BUTTON_MIDDLE ? 4 : 0));
}

static unsigned
packet(struct ps2_mouse *m, uint8_t out[PACKET_MAX])
{
	int32_t x = take(&m->dx, -255, 255), y = take(&m->dy, -255, 255), z;

	out[0] = (uint8_t)(ALWAYS | (x < 0 ? X_NEGATIVE : 0) | (y < 0 ? Y_NEGATIVE : 0) | button_bits(m->buttons));
	out[1] = (uint8_t)x;
	out[2] = (uint8_t)y;
	m->told = m->buttons;
	if (m->id < ID_WHEEL)
		return 3;
	z = take(&m->dz, -8, 7);
	out[3] = (uint8_t)z;
	if (m->id == ID_BUTTONS)
		out[3] = (uint8_t)((z & 0x0f) | (m->buttons & FB_BUTTON_SIDE ? 0x10 : 0) | (m->buttons & FB_BUTTON_EXTRA ? 0x20 : 0));
	return 4;
}

/* Is there something that this kind of mouse can tell? */
static bool
news(const struct ps2_mouse *m)
{
	uint8_t has = m->id == ID_BUTTONS ? UINT8_MAX : FIRST_BUTTONS;

	return m->dx || m->dy || (m->dz && m->id >= ID_WHEEL) || ((m->buttons ^ m->told) & has);
}

void
ps2_mouse_pump(struct ps2_mouse *m)
{
	uint8_t bytes[PACKET_MAX];

	while (m->enabled && !m->remote && news(m) && PS2_FIFO - m->port.events.count >= PACKET_MAX)
		ps2_say(&m->port, bytes, packet(m, bytes));
}

static void
forget_motion(struct ps2_mouse *m)
{
	m->dx = m->dy = m->dz = 0;
}

void
ps2_mouse_move(struct ps2_mouse *m, int32_t dx, int32_t dy, int32_t wheel, uint8_t buttons)
{
	m->buttons = buttons;
	if (!m->enabled && !m->remote)
		return;
	m->dx = within(m->dx + dx, -FB_POINTER_MAX, FB_POINTER_MAX);
	m->dy = within(m->dy - dy, -FB_POINTER_MAX, FB_POINTER_MAX);
	m->dz = m->id < ID_WHEEL ? 0 : within(m->dz - wheel, -FB_POINTER_MAX, FB_POINTER_MAX);
	ps2_mouse_pump(m);
}

static void
defaults(struct ps2_mouse *m)
{
	forget_motion(m);
	m->rates[2] = DEFAULT_RATE;
	m->resolution = DEFAULT_RESOLUTION;
	m->scaled = m->remote = m->enabled = false;
}

void
ps2_mouse_reset(struct ps2_mouse *m)
{
	uint8_t buttons = m->buttons;

	*m = (struct ps2_mouse){.buttons = buttons};
	defaults(m);
}

static void
set_rate(struct ps2_mouse *m, uint8_t rate)
{
	static const uint8_t wheel[] = {200, 100, 80}, all[] = {200, 200, 80};

	memmove(m->rates, m->rates + 1, 2);
	m->rates[2] = rate;
	if (!memcmp(m->rates, wheel, 3))
		m->id = ID_WHEEL;
	else if (!memcmp(m->rates, all, 3))
		m->id = ID_BUTTONS;
}

static void
parameter(struct ps2_mouse *m, uint8_t command, uint8_t byte)
{
	ps2_answer(&m->port, PS2_ACK);
	if (command == SET_RATE)
		set_rate(m, byte);
	else
		m->resolution = byte & 3;
}

static void
status(struct ps2_mouse *m)
{
	uint8_t bits = (uint8_t)(m->remote << 6 | m->enabled << 5 | m->scaled << 4);

	/* Here, other than in a packet, the left button is bit 2 and the right one bit 0. */
	bits |= (m->buttons & FB_BUTTON_LEFT ? 4 : 0) | (m->buttons & FB_BUTTON_MIDDLE ? 2 : 0) |
	    (m->buttons & FB_BUTTON_RIGHT ? 1 : 0);
	ps2_answer(&m->port, bits);
	ps2_answer(&m->port, m->resolution);
	ps2_answer(&m->port, m->rates[2]);
}

static void
read_once(struct ps2_mouse *m)
{
	uint8_t bytes[PACKET_MAX];
	unsigned n = packet(m, bytes);

	for (unsigned i = 0; i < n; i++)
		ps2_answer(&m->port, bytes[i]);
}

static void
obey(struct ps2_mouse *m, uint8_t command)
{
	switch (command) {
	case SCALE_1:
	case SCALE_2:
		m->scaled = command == SCALE_2;
		break;
	case SET_RESOLUTION:
	case SET_RATE:
		m->port.command = command;
		break;
	case STATUS:
		status(m);
		break;
	case STREAM:
	case REMOTE:
		m->remote = command == REMOTE;
		forget_motion(m);
		break;
	case READ:
		read_once(m);
		break;
	case WRAP:
		m->wrap = true;
		break;
	case IDENTIFY:
		ps2_answer(&m->port, m->id);
		break;
	case ENABLE:
	case DISABLE:
		m->enabled = command == ENABLE;
		forget_motion(m);
		break;
	case DEFAULTS:
		defaults(m);
		break;
	case RESET:
		defaults(m);
		m->id = 0;
		ps2_answer(&m->port, SELF_TEST_PASSED);
		ps2_answer(&m->port, m->id);
		break;
	}
}

static bool
known(uint8_t command)
{
	static const uint8_t commands[] = {SCALE_1, SCALE_2, SET_RESOLUTION, STATUS, STREAM, READ, UNWRAP, WRAP, REMOTE, IDENTIFY,
	    SET_RATE, ENABLE, DISABLE, DEFAULTS, RESET};

	return memchr(commands, command, sizeof(commands));
}

void
ps2_mouse_write(struct ps2_mouse *m, uint8_t byte)
{
	uint8_t command = m->port.command;

	m->port.command = 0;
	if (m->wrap && byte != RESET && byte != UNWRAP) {
		ps2_answer(&m->port, byte);
		return;
	}
	m->wrap = false;
	if (command) {
		parameter(m, command, byte);
		return;
	}
	if (byte == PS2_RESEND) {
		ps2_answer(&m->port, m->port.last);
		return;
	}
	/* A packet that was under way is broken off, and what it told of buttons may be lost. */
	if (m->port.events.count)
		m->told = (uint8_t)~m->buttons;
	m->port.answers.count = m->port.events.count = 0;
	ps2_answer(&m->port, known(byte) ? PS2_ACK : PS2_RESEND);
	obey(m, byte);
}

/* SPDX-License-Identifier: ISC */
/*
 * A PS/2 keyboard with 102 keys and more; the contracts are in ps2.h. It thinks in set 2, from which set 1 follows by the
 * controller's own translation. Set 3, which no system uses by default, is not taken: asked for the set it uses, the
 * keyboard names another, as many real ones do. Nothing repeats by itself: the user's keyboard does, at the display.
 */
#include <string.h>

#include "kvm-run/ps2.h"

enum {
	SET_LEDS = 0xed,
	ECHO = 0xee,
	SET_SCANCODES = 0xf0,
	IDENTIFY = 0xf2,
	SET_TYPEMATIC = 0xf3,
	ENABLE = 0xf4,
	DISABLE = 0xf5,
	DEFAULTS = 0xf6,
	RESET = 0xff,
};
#define SELF_TEST_PASSED 0xaa
#define TYPEMATIC_DEFAULT 0x2b /* 10.9 characters a second after half a second */
#define EXTENDED 0xe0
#define SEQUENCE_MAX 8 /* bytes for a key: Pause has as many */

/* Set 2 to set 1, 0x00 to 0x7f. */
static const uint8_t set1[0x80] = {
    0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
    0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a, 0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
    0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c, 0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
    0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e, 0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
    0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60, 0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
    0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e, 0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
    0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b, 0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
    0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45, 0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};
#define SET2_F7 0x83 /* the two codes of keys beyond the table; 0x02 and 0x7f are of no key */
#define SET2_SYSRQ 0x84

uint8_t
ps2_translate(uint8_t byte)
{
	if (byte < 0x80)
		return set1[byte];
	return byte == SET2_F7 ? 0x41 : byte == SET2_SYSRQ ? KEY_CODE_SYSRQ : byte;
}

/* The other way; from above, since the table's own codes for two keys are of none. */
static uint8_t
set2_of(uint8_t code)
{
	uint8_t c = SET2_SYSRQ;

	while (c && ps2_translate(c) != code)
		c--;
	return c;
}

static unsigned
copy(uint8_t *out, const char *bytes, unsigned n)
{
	memcpy(out, bytes, n);
	return n;
}

/* What the keyboard says in set 2, for a key's press or release; the number of bytes, 0 for nothing. */
static unsigned
sequence(const struct ps2_keyboard *k, uint8_t code, bool down, uint8_t out[SEQUENCE_MAX])
{
	const bool *held = k->keys.down;
	unsigned n = 0;

	if (code == KEY_CODE_PAUSE) { /* has no release of its own; with Ctrl it is Break */
		if (!down)
			return 0;
		if (held[KEY_CODE_CTRL_L] || held[KEY_CODE_CTRL_R])
			return copy(out, "\xe0\x7e\xe0\xf0\x7e", 5);
		return copy(out, "\xe1\x14\x77\xe1\xf0\x14\xf0\x77", 8);
	}
	if (code == KEY_CODE_PRINT) {
		if (held[KEY_CODE_ALT_L] || held[KEY_CODE_ALT_R])
			code = KEY_CODE_SYSRQ;
		else
			return down ? copy(out, "\xe0\x12\xe0\x7c", 4) : copy(out, "\xe0\xf0\x7c\xe0\xf0\x12", 6);
	}
	if (!set2_of(code & 0x7f))
		return 0;
	if (code & 0x80)
		out[n++] = EXTENDED;
	if (!down)
		out[n++] = PS2_RELEASE;
	out[n++] = set2_of(code & 0x7f);
	return n;
}

/* In place: a release is bit 7 of the code. */
static unsigned
to_set1(uint8_t *bytes, unsigned n)
{
	unsigned out = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t release = 0;

		if (bytes[i] == PS2_RELEASE && i + 1 < n) {
			release = 0x80;
			i++;
		}
		bytes[out++] = ps2_translate(bytes[i]) | release;
	}
	return out;
}

/* False when there is no room for it. */
static bool
tell(struct ps2_keyboard *k, uint8_t code, bool down)
{
	uint8_t bytes[SEQUENCE_MAX];
	unsigned n = sequence(k, code, down, bytes);

	if (k->set == 1)
		n = to_set1(bytes, n);
	if (!ps2_say(&k->port, bytes, n))
		return false;
	k->keys.told[code] = down;
	return true;
}

void
ps2_keyboard_pump(struct ps2_keyboard *k)
{
	unsigned code;

	while (k->scanning && (code = keys_untold(&k->keys)))
		if (!tell(k, (uint8_t)code, k->keys.down[code]))
			return;
}

void
ps2_keyboard_key(struct ps2_keyboard *k, uint8_t code, bool down)
{
	bool again = down && k->keys.down[code] && k->keys.told[code];

	k->keys.down[code] = down;
	if (again && k->scanning)
		tell(k, code, true);
	ps2_keyboard_pump(k);
}

/* From now on the keys that are held are no news. */
static void
enable(struct ps2_keyboard *k)
{
	k->scanning = true;
	memcpy(k->keys.told, k->keys.down, sizeof(k->keys.told));
}

static void
defaults(struct ps2_keyboard *k, bool scanning)
{
	k->port.events.count = 0;
	k->set = 2;
	k->typematic = TYPEMATIC_DEFAULT;
	k->scanning = false;
	if (scanning)
		enable(k);
}

void
ps2_keyboard_reset(struct ps2_keyboard *k)
{
	struct keys keys = k->keys;

	*k = (struct ps2_keyboard){.keys = keys};
	defaults(k, true);
}

static void
parameter(struct ps2_keyboard *k, uint8_t command, uint8_t byte)
{
	ps2_answer(&k->port, PS2_ACK);
	if (command == SET_LEDS)
		k->leds = byte & 7; /* scroll, num, caps: the protocol's order is FB_LED_'s */
	else if (command == SET_TYPEMATIC)
		k->typematic = byte & 0x7f;
	else if (!byte)
		ps2_answer(&k->port, k->set);
	else if (byte <= 2)
		k->set = byte;
}

void
ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte)
{
	uint8_t command = k->port.command;

	k->port.command = 0;
	if (command && byte < SET_LEDS) { /* else a new command takes the parameter's place */
		parameter(k, command, byte);
		return;
	}
	if (byte == PS2_RESEND) {
		ps2_answer(&k->port, k->port.last);
		return;
	}
	k->port.answers.count = 0;
	ps2_answer(&k->port, byte == ECHO ? ECHO : byte < SET_LEDS || byte == 0xef || byte == 0xf1 ? PS2_RESEND : PS2_ACK);
	switch (byte) {
	case SET_LEDS:
	case SET_SCANCODES:
	case SET_TYPEMATIC:
		k->port.command = byte;
		break;
	case IDENTIFY:
		ps2_answer(&k->port, 0xab);
		ps2_answer(&k->port, 0x83);
		break;
	case ENABLE:
		enable(k);
		break;
	case DISABLE:
		defaults(k, false);
		break;
	case DEFAULTS:
		defaults(k, true);
		break;
	case RESET:
		defaults(k, true);
		k->leds = 0;
		ps2_answer(&k->port, SELF_TEST_PASSED);
		break;
	}
}

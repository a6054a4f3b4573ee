/* SPDX-License-Identifier: ISC */
/* A terminal's bytes as keys; the contract is in terminal_keys.h. The sequences are xterm's and the Linux console's. */
#include <string.h>

#include "common/fb.h"
#include "common/util.h"
#include "vm-vnc/keysym.h"
#include "vm-vnc/terminal_keys.h"

#define KEY_CTRL 0x1d
#define KEY_ALT 0x38
#define LEAVE 0x1d /* Ctrl-] */
#define ESCAPE 0x1b

static const struct {
	const char *sequence; /* behind ESC */
	uint8_t code;
} sequences[] = {
	{"[A", 0xc8}, {"[B", 0xd0}, {"[C", 0xcd}, {"[D", 0xcb}, {"OA", 0xc8}, {"OB", 0xd0}, {"OC", 0xcd}, {"OD", 0xcb}, {"[H", 0xc7}, {"[F", 0xcf},
	{"OH", 0xc7}, {"OF", 0xcf}, {"[1~", 0xc7}, {"[2~", 0xd2}, {"[3~", 0xd3}, {"[4~", 0xcf}, {"[5~", 0xc9}, {"[6~", 0xd1}, {"OP", 0x3b},
	{"OQ", 0x3c}, {"OR", 0x3d}, {"OS", 0x3e}, {"[[A", 0x3b}, {"[[B", 0x3c}, {"[[C", 0x3d}, {"[[D", 0x3e}, {"[[E", 0x3f}, {"[15~", 0x3f},
	{"[17~", 0x40}, {"[18~", 0x41}, {"[19~", 0x42}, {"[20~", 0x43}, {"[21~", 0x44}, {"[23~", 0x57}, {"[24~", 0x58},
};

static void
press(int machine, uint8_t code, bool down)
{
	static union fb_message m;

	m.key = (struct fb_key){FB_KEY, code, down};
	fb_send(machine, &m, -1);
}

static void
tap(int machine, uint8_t code, uint8_t modifier)
{
	if (modifier)
		press(machine, modifier, true);
	press(machine, code, true);
	press(machine, code, false);
	if (modifier)
		press(machine, modifier, false);
}

static void
type(int machine, uint8_t c)
{
	struct key key;

	if (c == '\r' || c == '\n' || c == '\t' || c == 8 || c == 127 || c == ESCAPE) {
		tap(machine, c == '\t' ? 0x0f : c == ESCAPE ? 0x01 : c == 8 || c == 127 ? 0x0e : 0x1c, 0);
		return;
	}
	key = keysym_key(c < 0x20 ? c + (c < 27 ? 0x60u : 0x40u) : c);
	if (key.code)
		tap(machine, key.code, c < 0x20 ? KEY_CTRL : key.level == KEY_UPPER ? KEY_SHIFT : 0);
}

/* The sequence that these bytes begin with, of those behind ESC: its length, 0 when it is none. */
static size_t
sequence(int machine, const char *bytes, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(sequences); i++) {
		size_t n = strlen(sequences[i].sequence);

		if (n > len || memcmp(bytes, sequences[i].sequence, n))
			continue;
		tap(machine, sequences[i].code, 0);
		return n;
	}
	return 0;
}

bool
terminal_keys(int machine, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		size_t n = bytes[i] == ESCAPE ? sequence(machine, bytes + i + 1, len - i - 1) : 0;

		if (bytes[i] == LEAVE)
			return false;
		if (n) {
			i += n;
		} else if (bytes[i] == ESCAPE && i + 1 < len) { /* Alt, as terminals say it */
			press(machine, KEY_ALT, true);
			type(machine, (uint8_t)bytes[++i]);
			press(machine, KEY_ALT, false);
		} else {
			type(machine, (uint8_t)bytes[i]);
		}
	}
	return true;
}

/* SPDX-License-Identifier: ISC */
/* A PC's keys; the contracts are in keys.h. */
#include <linux/input-event-codes.h>
#include <string.h>

#include "kvm-run/keys.h"

/* Up to F12 Linux has given its keys the codes of set 1; these differ. */
static const uint8_t others[KEY_CODES] = {
    [KEY_CODE_SYSRQ] = KEY_SYSRQ, [KEY_CODE_PRINT] = KEY_SYSRQ, [KEY_CODE_PAUSE] = KEY_PAUSE,
    [0x59] = KEY_KPEQUAL, [0x64] = KEY_F13, [0x65] = KEY_F14, [0x66] = KEY_F15, [0x67] = KEY_F16, [0x68] = KEY_F17,
    [0x69] = KEY_F18, [0x6a] = KEY_F19, [0x6b] = KEY_F20, [0x6c] = KEY_F21, [0x6d] = KEY_F22, [0x6e] = KEY_F23,
    [0x70] = KEY_KATAKANAHIRAGANA, [0x71] = KEY_HANJA, [0x72] = KEY_HANGEUL, [0x73] = KEY_RO, [0x76] = KEY_F24,
    [0x77] = KEY_HIRAGANA, [0x78] = KEY_KATAKANA, [0x79] = KEY_HENKAN, [0x7b] = KEY_MUHENKAN, [0x7d] = KEY_YEN,
    [0x7e] = KEY_KPCOMMA,
    [0x9c] = KEY_KPENTER, [0x9d] = KEY_RIGHTCTRL, [0xb5] = KEY_KPSLASH, [0xb8] = KEY_RIGHTALT,
    [0xc7] = KEY_HOME, [0xc8] = KEY_UP, [0xc9] = KEY_PAGEUP, [0xcb] = KEY_LEFT, [0xcd] = KEY_RIGHT, [0xcf] = KEY_END,
    [0xd0] = KEY_DOWN, [0xd1] = KEY_PAGEDOWN, [0xd2] = KEY_INSERT, [0xd3] = KEY_DELETE,
    [0xdb] = KEY_LEFTMETA, [0xdc] = KEY_RIGHTMETA, [0xdd] = KEY_COMPOSE,
    [0xde] = KEY_POWER, [0xdf] = KEY_SLEEP, [0xe3] = KEY_WAKEUP,
    [0x90] = KEY_PREVIOUSSONG, [0x99] = KEY_NEXTSONG, [0xa0] = KEY_MUTE, [0xa1] = KEY_CALC, [0xa2] = KEY_PLAYPAUSE,
    [0xa4] = KEY_STOPCD, [0xae] = KEY_VOLUMEDOWN, [0xb0] = KEY_VOLUMEUP, [0xb2] = KEY_HOMEPAGE, [0xe5] = KEY_SEARCH,
    [0xe6] = KEY_BOOKMARKS, [0xe7] = KEY_REFRESH, [0xe8] = KEY_STOP, [0xe9] = KEY_FORWARD, [0xea] = KEY_BACK,
    [0xeb] = KEY_COMPUTER, [0xec] = KEY_MAIL, [0xed] = KEY_MEDIA,
};

uint16_t
keys_linux(uint8_t code)
{
	if (others[code])
		return others[code];
	return code <= KEY_KPDOT || (code >= KEY_102ND && code <= KEY_F12) ? code : 0;
}

unsigned
keys_untold(const struct keys *k)
{
	if (!memcmp(k->down, k->told, sizeof(k->down)))
		return 0;
	for (unsigned i = 1; i < KEY_CODES; i++)
		if (k->told[i] && !k->down[i])
			return i;
	for (unsigned i = 1; i < KEY_CODES; i++)
		if (k->down[i] && !k->told[i])
			return i;
	return 0;
}

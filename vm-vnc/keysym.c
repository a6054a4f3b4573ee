/* SPDX-License-Identifier: ISC */
/* Keys for key symbols; the contract is in keysym.h. The codes are IBM's of set 1, the symbols X11's of keysymdef.h. */
#include <stddef.h>
#include <string.h>

#include "vm-vnc/keysym.h"
#include "common/util.h"

/* Keys that make characters, from code `first` on: without Shift and with. */
static const struct row {
	uint8_t first;
	const char *lower, *upper;
} rows[] = {
	{0x02, "1234567890-=", "!@#$%^&*()_+"},
	{0x10, "qwertyuiop[]", "QWERTYUIOP{}"},
	{0x1e, "asdfghjkl;'`", "ASDFGHJKL:\"~"},
	{0x2b, "\\zxcvbnm,./", "|ZXCVBNM<>?"},
};

/* Keys of one name each. Ranges: symbols from `sym` to `last` are on codes from `code` on. */
static const struct named {
	uint16_t sym, last;
	uint8_t code;
} named[] = {
	{0x0020, 0, 0x39}, /* space */
	{0xff08, 0, 0x0e}, /* BackSpace */
	{0xff09, 0, 0x0f}, /* Tab */
	{0xfe20, 0, 0x0f}, /* ISO_Left_Tab: Tab with Shift, which is pressed already */
	{0xff0a, 0, 0x1c}, /* Linefeed */
	{0xff0d, 0, 0x1c}, /* Return */
	{0xff13, 0, 0xc6}, /* Pause */
	{0xff14, 0, 0x46}, /* Scroll_Lock */
	{0xff15, 0, 0x54}, /* Sys_Req */
	{0xff1b, 0, 0x01}, /* Escape */
	{0xff22, 0, 0x7b}, /* Muhenkan */
	{0xff23, 0, 0x79}, /* Henkan_Mode */
	{0xff27, 0, 0x70}, /* Hiragana_Katakana */
	{0xff50, 0, 0xc7}, /* Home */
	{0xff51, 0, 0xcb}, /* Left */
	{0xff52, 0, 0xc8}, /* Up */
	{0xff53, 0, 0xcd}, /* Right */
	{0xff54, 0, 0xd0}, /* Down */
	{0xff55, 0, 0xc9}, /* Prior */
	{0xff56, 0, 0xd1}, /* Next */
	{0xff57, 0, 0xcf}, /* End */
	{0xff61, 0, 0xb7}, /* Print */
	{0xff63, 0, 0xd2}, /* Insert */
	{0xff67, 0, 0xdd}, /* Menu */
	{0xff6b, 0, 0xc6}, /* Break */
	{0xff7e, 0, 0xb8}, /* Mode_switch */
	{0xff7f, 0, 0x45}, /* Num_Lock */
	{0xff8d, 0, 0x9c}, /* KP_Enter */
	{0xff95, 0, 0x47}, /* KP_Home */
	{0xff96, 0, 0x4b}, /* KP_Left */
	{0xff97, 0, 0x48}, /* KP_Up */
	{0xff98, 0, 0x4d}, /* KP_Right */
	{0xff99, 0, 0x50}, /* KP_Down */
	{0xff9a, 0, 0x49}, /* KP_Prior */
	{0xff9b, 0, 0x51}, /* KP_Next */
	{0xff9c, 0, 0x4f}, /* KP_End */
	{0xff9d, 0, 0x4c}, /* KP_Begin */
	{0xff9e, 0, 0x52}, /* KP_Insert */
	{0xff9f, 0, 0x53}, /* KP_Delete */
	{0xffaa, 0, 0x37}, /* KP_Multiply */
	{0xffab, 0, 0x4e}, /* KP_Add */
	{0xffac, 0, 0x53}, /* KP_Separator */
	{0xffad, 0, 0x4a}, /* KP_Subtract */
	{0xffae, 0, 0x53}, /* KP_Decimal */
	{0xffaf, 0, 0xb5}, /* KP_Divide */
	{0xffb0, 0, 0x52}, /* KP_0 */
	{0xffb1, 0xffb3, 0x4f}, /* KP_1 to KP_3 */
	{0xffb4, 0xffb6, 0x4b},
	{0xffb7, 0xffb9, 0x47},
	{0xffbd, 0, 0x59}, /* KP_Equal */
	{0xffbe, 0xffc7, 0x3b}, /* F1 to F10 */
	{0xffc8, 0xffc9, 0x57}, /* F11, F12 */
	{0xffe1, 0, KEY_SHIFT},
	{0xffe2, 0, KEY_SHIFT_RIGHT},
	{0xffe3, 0, 0x1d}, /* Control_L */
	{0xffe4, 0, 0x9d}, /* Control_R */
	{0xffe5, 0, 0x3a}, /* Caps_Lock */
	{0xffe7, 0, 0x38}, /* Meta_L, which is Alt on a PC */
	{0xffe8, 0, 0xb8}, /* Meta_R */
	{0xffe9, 0, 0x38}, /* Alt_L */
	{0xffea, 0, 0xb8}, /* Alt_R */
	{0xffeb, 0, 0xdb}, /* Super_L */
	{0xffec, 0, 0xdc}, /* Super_R */
	{0xfe03, 0, 0xb8}, /* ISO_Level3_Shift */
	{0xffff, 0, 0xd3}, /* Delete */
};

static struct key
character_key(char c)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *lower = strchr(rows[i].lower, c), *upper = strchr(rows[i].upper, c);
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (lower)
			return (struct key){(uint8_t)(rows[i].first + (lower - rows[i].lower)), KEY_LOWER, letter};
		if (upper)
			return (struct key){(uint8_t)(rows[i].first + (upper - rows[i].upper)), KEY_UPPER, letter};
	}
	return (struct key){0};
}

struct key
keysym_key(uint32_t sym)
{
	for (size_t i = 0; i < ARRAY_LEN(named); i++)
		if (sym == named[i].sym || (sym > named[i].sym && sym <= named[i].last))
			return (struct key){.code = (uint8_t)(named[i].code + (sym - named[i].sym))};
	return sym > 0x20 && sym < 0x7f ? character_key((char)sym) : (struct key){0};
}

/* SPDX-License-Identifier: ISC */
/* Key events; the contracts are in keyboard.h. */
#include "vm-vnc/keyboard.h"

void
keyboard_code(struct keyboard *k, uint8_t code, bool down)
{
	if (!code || (!down && !k->down[code]))
		return; /* what never went down was another's */
	k->down[code] = down;
	k->press(k->arg, code, down);
}

/* Holds or lets go of Shift, as the guest sees it; what the viewer holds stays noted in down[]. */
static void
shift(struct keyboard *k, bool want)
{
	static const uint8_t shifts[] = {KEY_SHIFT, KEY_SHIFT_RIGHT};

	if (want && !k->down[KEY_SHIFT] && !k->down[KEY_SHIFT_RIGHT]) {
		k->press(k->arg, KEY_SHIFT, true);
		return;
	}
	for (unsigned i = 0; i < 2 && !want; i++)
		if (k->down[shifts[i]])
			k->press(k->arg, shifts[i], false);
}

static void
unshift(struct keyboard *k, bool was_wanted)
{
	static const uint8_t shifts[] = {KEY_SHIFT, KEY_SHIFT_RIGHT};

	if (was_wanted && !k->down[KEY_SHIFT] && !k->down[KEY_SHIFT_RIGHT]) {
		k->press(k->arg, KEY_SHIFT, false);
		return;
	}
	for (unsigned i = 0; i < 2 && !was_wanted; i++)
		if (k->down[shifts[i]])
			k->press(k->arg, shifts[i], true);
}

bool
keyboard_sym(struct keyboard *k, uint32_t sym, bool down)
{
	struct key key = keysym_key(sym);
	bool held = k->down[KEY_SHIFT] || k->down[KEY_SHIFT_RIGHT], want;

	if (!key.code)
		return false;
	want = (key.level == KEY_UPPER) != (key.letter && k->caps);
	/* With Caps Lock at the viewer, too, letters come as they are to be: only what differs from what is held is mended. */
	if (!down || key.level == KEY_PLAIN || want == held) {
		keyboard_code(k, key.code, down);
		return true;
	}
	shift(k, want);
	keyboard_code(k, key.code, true);
	unshift(k, want);
	return true;
}

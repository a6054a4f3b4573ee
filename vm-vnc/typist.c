/* SPDX-License-Identifier: ISC */
/* Text that is typed into the guest, key by key, no faster than the slowest of keyboards' drivers takes them. */
#include <string.h>

#include "common/util.h"
#include "vm-vnc/hub_dev.h"
#include "vm-vnc/keysym.h"

#define STEP 8 /* milliseconds between two events */

/* The key for a character; line ends and tabs have names of their own. */
static struct key
key_of(char c)
{
	return keysym_key(c == '\n' || c == '\r' ? 0xff0d : c == '\t' ? 0xff09 : (uint8_t)c);
}

const char *
typist_type(struct hub *h, const char *text, size_t len)
{
	static char why[40];

	if (len > sizeof(h->typed) - (h->typed_len - h->typed_at))
		return "too much is to be typed already";
	for (size_t i = 0; i < len; i++)
		if (!key_of(text[i]).code) {
			strcpy(why, "character   is on no key");
			why[10] = text[i] & 0x80 ? '?' : text[i];
			return why;
		}
	memmove(h->typed, h->typed + h->typed_at, h->typed_len - h->typed_at);
	h->typed_len -= h->typed_at;
	h->typed_at = 0;
	memcpy(h->typed + h->typed_len, text, len);
	h->typed_len += len;
	timer_set(&h->typing, timer_now());
	return NULL;
}

/* A character is: Shift down if need be, its key down, up, Shift up. Caps Lock makes Shift its opposite for letters. */
void
typist_fired(struct timer *t)
{
	struct hub *h = container_of(t, struct hub, typing);
	struct key key;
	bool shift;

	if (h->typed_at == h->typed_len)
		return;
	if (h->held.kind) { /* the machine hears nothing now */
		timer_set(t, timer_now() + STEP);
		return;
	}
	key = key_of(h->typed[h->typed_at]);
	shift = (key.level == KEY_UPPER) != (key.letter && h->state.leds & FB_LED_CAPS);
	if (h->typed_step == 0 && !shift)
		h->typed_step = 1;
	machine_key(h, h->typed_step % 3 ? key.code : KEY_SHIFT, h->typed_step < 2);
	h->typed_step++;
	if (h->typed_step == 4 || (h->typed_step == 3 && !shift)) {
		h->typed_step = 0;
		h->typed_at++;
	}
	timer_set(t, timer_now() + STEP);
}

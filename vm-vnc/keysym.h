/* SPDX-License-Identifier: ISC */
/* Keys of the PC's keyboard for X11's key symbols and for characters, as a keyboard of the USA has them. */
#ifndef VM_VNC_KEYSYM_H
#define VM_VNC_KEYSYM_H

#include <stdbool.h>
#include <stdint.h>

#define KEY_SHIFT 0x2a
#define KEY_SHIFT_RIGHT 0x36

struct key {
	uint8_t code; /* of set 1, 0x80 added where E0 precedes; 0: on no key */
	enum {
		KEY_PLAIN,   /* Shift is no matter */
		KEY_LOWER,   /* without Shift */
		KEY_UPPER,   /* with Shift */
	} level;
	bool letter; /* Caps Lock is Shift's opposite for it */
};

/* The key that gives a symbol (keysymdef.h); Latin-1 is the same as Unicode there, others are 0x1000000 and Unicode. */
struct key keysym_key(uint32_t sym);

#endif

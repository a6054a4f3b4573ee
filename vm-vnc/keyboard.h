/* SPDX-License-Identifier: ISC */
/*
 * What becomes of a viewer's key events. Those with a scan code are passed as they are, right for every layout. Those of key
 * symbols alone are looked for on a keyboard of the USA, with Shift held as that needs it, whatever keyboard they came from.
 */
#ifndef VM_VNC_KEYBOARD_H
#define VM_VNC_KEYBOARD_H

#include <stdbool.h>
#include <stdint.h>

#include "vm-vnc/keysym.h"

struct keyboard {
	void (*press)(void *arg, uint8_t code, bool down);
	void *arg;
	bool down[256]; /* by code */
	bool caps;	/* the guest's Caps Lock is on: set by the owner */
};

void keyboard_code(struct keyboard *k, uint8_t code, bool down);

/* False when the symbol is on no key. */
bool keyboard_sym(struct keyboard *k, uint32_t sym, bool down);

#endif

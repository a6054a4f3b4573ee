/* SPDX-License-Identifier: ISC */
/*
 * The two devices behind a PC's keyboard controller, byte by byte: a keyboard of scan code sets 1 and 2, and a mouse with
 * a wheel and five buttons. Plain structs, no locks: they belong to the controller (i8042.c), which reads what they say
 * and writes them commands. The protocols are those of the IBM PS/2 technical references, "Keyboards" and "Mouse", and
 * of Microsoft's IntelliMouse.
 */
#ifndef KVM_RUN_PS2_H
#define KVM_RUN_PS2_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm-run/keys.h"

#define PS2_ACK 0xfa
#define PS2_RESEND 0xfe
#define PS2_RELEASE 0xf0 /* before the code of a key that was released, set 2 */

#define PS2_FIFO 64u /* bytes, a power of two */

struct ps2_fifo {
	uint8_t bytes[PS2_FIFO];
	uint8_t first, count;
};

/* What a device has to say: answers to commands go before what happened, since whoever sends a command waits for them. */
struct ps2_port {
	struct ps2_fifo answers, events;
	uint8_t last;	 /* that was read, for a RESEND */
	uint8_t command; /* whose parameter is awaited, 0 = none */
};

/* The byte i places behind the next one; false when there is none. A key's code is always there with its PS2_RELEASE. */
bool ps2_peek(const struct ps2_port *p, unsigned i, uint8_t *byte);

/* Takes n bytes, which ps2_peek has shown. */
void ps2_take(struct ps2_port *p, unsigned n);

void ps2_answer(struct ps2_port *p, uint8_t byte);

/* All or nothing: false, and nothing is said, without room for all n. */
bool ps2_say(struct ps2_port *p, const uint8_t *bytes, unsigned n);

struct ps2_keyboard {
	struct ps2_port port;
	struct keys keys;
	uint8_t set, leds, typematic; /* leds as FB_LED_* */
	bool scanning;
};

struct ps2_mouse {
	struct ps2_port port;
	uint8_t id;	  /* 0, 3 with a wheel, 4 with five buttons too */
	uint8_t rates[3]; /* the last three that were set; some of them change the id */
	uint8_t resolution;
	bool scaled, remote, enabled, wrap;
	int32_t dx, dy, dz; /* not told yet; y and the wheel as the protocol counts: up, and towards the user */
	uint8_t buttons, told; /* FB_BUTTON_* */
};

/* Power-on state; the keys and buttons stay as they are held. */
void ps2_keyboard_reset(struct ps2_keyboard *k);
void ps2_mouse_reset(struct ps2_mouse *m);

/* A byte of the host's. */
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte);
void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte);

/* What the user does, as in struct fb_key and a relative struct fb_pointer. */
void ps2_keyboard_key(struct ps2_keyboard *k, uint8_t code, bool down);
void ps2_mouse_move(struct ps2_mouse *m, int32_t dx, int32_t dy, int32_t wheel, uint8_t buttons);

/* After ps2_take: says what there was no room for before. */
void ps2_keyboard_pump(struct ps2_keyboard *k);
void ps2_mouse_pump(struct ps2_mouse *m);

/* A code of set 2 as the controller translates it to set 1; other bytes of a keyboard stay what they are. */
uint8_t ps2_translate(uint8_t byte);

#endif

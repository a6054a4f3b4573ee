/* SPDX-License-Identifier: ISC */
/* The keys of a PC by their codes on an fb wire (struct fb_key): set 1, and 0x80 more behind E0. */
#ifndef KVM_RUN_KEYS_H
#define KVM_RUN_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#define KEY_CODES 256

/* Those that are not like the others. */
#define KEY_CODE_CTRL_L 0x1d
#define KEY_CODE_CTRL_R 0x9d
#define KEY_CODE_ALT_L 0x38
#define KEY_CODE_ALT_R 0xb8
#define KEY_CODE_SYSRQ 0x54 /* Print with Alt */
#define KEY_CODE_PRINT 0xb7
#define KEY_CODE_PAUSE 0xc6

/* Which are held, and which the guest was told are held: when it could not be told, it still can be later. */
struct keys {
	bool down[KEY_CODES], told[KEY_CODES];
};

/* A key that the guest knows otherwise than it is, released ones first; 0 when there is none. */
unsigned keys_untold(const struct keys *k);

/* The key's number in Linux' input-event-codes.h, 0 when it has none. */
uint16_t keys_linux(uint8_t code);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The PC's keyboard controller at ports 0x60 and 0x64, with a keyboard (interrupt 1) and a mouse (interrupt 12): what
 * firmware, boot loaders and systems without other drivers have. Only a machine with a display has one. Guests come on
 * vCPU threads, the user's input on another; the lock keeps them apart.
 */
#ifndef KVM_RUN_I8042_H
#define KVM_RUN_I8042_H

#include <pthread.h>

#include "common/fb.h"
#include "kvm-run/ps2.h"

struct vm;

#define I8042_KEYBOARD_IRQ 1
#define I8042_MOUSE_IRQ 12

/* What the output buffer holds: nothing, the next byte of a device, or the controller's own answer. */
enum i8042_source { I8042_NOTHING, I8042_KEYBOARD, I8042_MOUSE, I8042_ANSWER };

struct i8042 {
	struct vm *vm;
	/* Told of the keyboard's lights when they may have changed (FB_LED_*), on a vCPU thread with the lock held. */
	void (*leds)(void *arg, uint32_t leds);
	void *arg;
	pthread_mutex_t lock;
	struct ps2_keyboard keyboard;
	struct ps2_mouse mouse;
	uint8_t ram[32]; /* the first is the command byte */
	uint8_t command; /* that awaits a byte at the data port; 0: the byte is the keyboard's */
	uint8_t answer;	 /* of I8042_ANSWER */
	uint8_t last;	 /* read from the data port */
	uint8_t output_port;
	bool answer_mouse; /* the answer comes as if from the mouse */
	bool command_last; /* status bit 3: which port was written last */
	bool lines[2];	   /* of the keyboard and of the mouse */
	enum i8042_source source;
};

/* Zeroes c, but for leds and arg, and puts it on the vm's port bus. */
void i8042_init(struct i8042 *c, struct vm *vm);

/* Power-on state, as firmware leaves it for a system that is booted without any. */
void i8042_reset(struct i8042 *c);

/* A key's code and a relative movement as in common/fb.h. Any thread. */
void i8042_key(struct i8042 *c, uint8_t code, bool down);
void i8042_move(struct i8042 *c, const struct fb_pointer *p);

/* All keys and buttons up. */
void i8042_release(struct i8042 *c);

/*
 * The two ports without a controller behind them: enough for software that resets a PC through it. Firmware, which looks for
 * one without asking ACPI, is shown that there is none.
 */
void i8042_none(struct vm *vm);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Where the keys and the pointer of a machine with a display go: to the virtio keyboard and tablet once their drivers run,
 * until then, and in guests without such drivers, to the keyboard and the mouse of the i8042. All calls but input_create
 * and input_reset on the thread of vm->io, where those devices run too; what the displays call is called there as well.
 */
#ifndef KVM_RUN_INPUT_H
#define KVM_RUN_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/fb.h"

struct input;
struct vm;

/* What a display is told by FB_STATE: lights as FB_LED_*, and whether there is a pointer that can be put somewhere. */
typedef void input_state(void *arg, uint32_t leds, bool absolute);

/* The i8042, at board's making time: it is on the port bus. NULL or the reason. Sets vm->input. */
const char *input_create(struct vm *vm, char *why, size_t size);

/* The virtio keyboard and tablet, among the vm's devices. After vm->io was started. */
const char *input_add_devices(struct vm *vm, char *why, size_t size);

/* The i8042 in its power-on state; vCPUs are stopped. The virtio devices are reset as all others. */
void input_reset(struct input *in);

/* After all of its devices are gone. */
void input_destroy(struct input *in);

/* A key of the PC's keyboard, as in struct fb_key; a press of one that is held is a repeat. */
void input_key(struct input *in, unsigned code, bool down);

/* A pointer that was put somewhere goes to the tablet, one that was moved to the mouse; buttons are let go of where they
 * were held before. Positions without a tablet have no meaning. */
void input_pointer(struct input *in, const struct fb_pointer *p);

/* The display went away: nobody holds anything any more. */
void input_release(struct input *in);

/* Calls state(arg, ...) at once and whenever it has changed; no more once input_listen(in, NULL, arg) was called. */
void input_listen(struct input *in, input_state *state, void *arg);

#endif

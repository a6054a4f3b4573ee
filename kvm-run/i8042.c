/* SPDX-License-Identifier: ISC */
/*
 * The keyboard controller; the contracts are in i8042.h. What the output buffer holds is chosen when it is free and taken
 * from its device when it is read, so that a device's answer to a command never waits behind what it said before.
 * Commands are those of IBM's PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary Device Controller".
 */
#include <string.h>

#include "kvm-run/i8042.h"
#include "kvm-run/vm.h"

#define PORT_DATA 0x60
#define PORT_COMMAND 0x64

/* Status. The input buffer is never full: what is written is done at once. */
#define STATUS_OUTPUT_FULL 0x01
#define STATUS_TESTED 0x04
#define STATUS_COMMAND 0x08
#define STATUS_UNLOCKED 0x10
#define STATUS_MOUSE 0x20

/* Command byte, ram[0] */
#define CTR_KEYBOARD_IRQ 0x01
#define CTR_MOUSE_IRQ 0x02
#define CTR_TESTED 0x04
#define CTR_KEYBOARD_OFF 0x10
#define CTR_MOUSE_OFF 0x20
#define CTR_TRANSLATE 0x40

/* Output port */
#define OUT_RUN 0x01 /* low: the processor is reset */
#define OUT_A20 0x02
#define OUT_LINES 0xcc /* idle high */
#define OUT_KEYBOARD_FULL 0x10
#define OUT_MOUSE_FULL 0x20

enum {
	READ_RAM = 0x20,
	WRITE_RAM = 0x60,
	MOUSE_OFF = 0xa7,
	MOUSE_ON = 0xa8,
	TEST_MOUSE = 0xa9,
	TEST = 0xaa,
	TEST_KEYBOARD = 0xab,
	KEYBOARD_OFF = 0xad,
	KEYBOARD_ON = 0xae,
	READ_INPUT = 0xc0,
	READ_OUTPUT = 0xd0,
	WRITE_OUTPUT = 0xd1,
	FAKE_KEYBOARD = 0xd2,
	FAKE_MOUSE = 0xd3,
	WRITE_MOUSE = 0xd4,
	A20_OFF = 0xdd,
	A20_ON = 0xdf,
	READ_TEST = 0xe0,
	PULSE = 0xf0, /* and a bit for each of four lines that is not to go low */
};
#define TESTED 0x55
#define NO_FAULT 0x00
#define INPUT_UNLOCKED 0x80

static bool
from_mouse(const struct i8042 *c)
{
	return c->source == I8042_MOUSE || (c->source == I8042_ANSWER && c->answer_mouse);
}

static void
set_line(struct i8042 *c, unsigned which, bool level)
{
	if (c->lines[which] == level)
		return;
	c->lines[which] = level;
	vm_irq_line(c->vm, which ? I8042_MOUSE_IRQ : I8042_KEYBOARD_IRQ, level);
}

static void
set_lines(struct i8042 *c)
{
	bool mouse = from_mouse(c);

	set_line(c, 0, c->source && !mouse && (c->ram[0] & CTR_KEYBOARD_IRQ));
	set_line(c, 1, c->source && mouse && (c->ram[0] & CTR_MOUSE_IRQ));
}

/* The next byte of the device into the output buffer, if that is free. Lines are edges: they have been low in between. */
static void
fill(struct i8042 *c)
{
	uint8_t byte;

	if (!c->source && !(c->ram[0] & CTR_KEYBOARD_OFF) && ps2_peek(&c->keyboard.port, 0, &byte))
		c->source = I8042_KEYBOARD;
	if (!c->source && !(c->ram[0] & CTR_MOUSE_OFF) && ps2_peek(&c->mouse.port, 0, &byte))
		c->source = I8042_MOUSE;
	set_lines(c);
}

/* A key's release is one byte when translated: the two of set 2 are always there together. */
static uint8_t
take_keyboard(struct i8042 *c)
{
	bool translate = c->ram[0] & CTR_TRANSLATE;
	uint8_t byte = 0, code = 0, release = 0;

	if (!ps2_peek(&c->keyboard.port, 0, &byte))
		return c->last; /* a command meanwhile has made it forget */
	if (translate && byte == PS2_RELEASE && ps2_peek(&c->keyboard.port, 1, &code)) {
		ps2_take(&c->keyboard.port, 1);
		byte = code;
		release = 0x80;
	}
	ps2_take(&c->keyboard.port, 1);
	ps2_keyboard_pump(&c->keyboard);
	return translate ? ps2_translate(byte) | release : byte;
}

static uint8_t
take_mouse(struct i8042 *c)
{
	uint8_t byte;

	if (!ps2_peek(&c->mouse.port, 0, &byte))
		return c->last;
	ps2_take(&c->mouse.port, 1);
	ps2_mouse_pump(&c->mouse);
	return byte;
}

static uint8_t
read_data(struct i8042 *c)
{
	if (c->source == I8042_ANSWER)
		c->last = c->answer;
	else if (c->source == I8042_KEYBOARD)
		c->last = take_keyboard(c);
	else if (c->source == I8042_MOUSE)
		c->last = take_mouse(c);
	c->source = I8042_NOTHING;
	set_lines(c);
	fill(c);
	return c->last;
}

static uint8_t
status(const struct i8042 *c)
{
	return (uint8_t)(STATUS_UNLOCKED | (c->ram[0] & CTR_TESTED ? STATUS_TESTED : 0) | (c->source ? STATUS_OUTPUT_FULL : 0) |
	    (from_mouse(c) ? STATUS_MOUSE : 0) | (c->command_last ? STATUS_COMMAND : 0));
}

/* Into the output buffer, before what a device may have there, which is not lost by it. */
static void
answer(struct i8042 *c, uint8_t byte, bool mouse)
{
	c->source = I8042_NOTHING;
	set_lines(c);
	c->source = I8042_ANSWER;
	c->answer = byte;
	c->answer_mouse = mouse;
	set_lines(c);
}

static uint8_t
output_port(const struct i8042 *c)
{
	uint8_t full = from_mouse(c) ? OUT_MOUSE_FULL : OUT_KEYBOARD_FULL;

	return c->output_port | (c->source ? full : 0);
}

/* A20 is kept but gates nothing: KVM's processors have no such line. */
static void
write_output(struct i8042 *c, uint8_t byte)
{
	c->output_port = byte & (uint8_t)~(OUT_KEYBOARD_FULL | OUT_MOUSE_FULL);
	if (!(byte & OUT_RUN))
		vm_end(c->vm, VM_RESET);
}

static void
obey(struct i8042 *c, uint8_t byte)
{
	switch (byte) {
	case MOUSE_OFF:
		c->ram[0] |= CTR_MOUSE_OFF;
		break;
	case MOUSE_ON:
		c->ram[0] &= (uint8_t)~CTR_MOUSE_OFF;
		break;
	case KEYBOARD_OFF:
		c->ram[0] |= CTR_KEYBOARD_OFF;
		break;
	case KEYBOARD_ON:
		c->ram[0] &= (uint8_t)~CTR_KEYBOARD_OFF;
		break;
	case TEST:
		c->ram[0] |= CTR_TESTED;
		answer(c, TESTED, false);
		break;
	case TEST_MOUSE:
	case TEST_KEYBOARD:
		answer(c, NO_FAULT, false);
		break;
	case READ_INPUT:
		answer(c, INPUT_UNLOCKED, false);
		break;
	case READ_OUTPUT:
		answer(c, output_port(c), false);
		break;
	case READ_TEST:
		answer(c, 0, false);
		break;
	case A20_OFF:
		c->output_port &= (uint8_t)~OUT_A20;
		break;
	case A20_ON:
		c->output_port |= OUT_A20;
		break;
	case WRITE_OUTPUT:
	case FAKE_KEYBOARD:
	case FAKE_MOUSE:
	case WRITE_MOUSE:
		c->command = byte;
		break;
	}
}

static void
write_command(struct i8042 *c, uint8_t byte)
{
	c->command = 0;
	c->command_last = true;
	if (byte >= PULSE) {
		if (!(byte & 1))
			vm_end(c->vm, VM_RESET);
		return;
	}
	if (byte >= READ_RAM && byte < READ_RAM + sizeof(c->ram)) {
		answer(c, c->ram[byte - READ_RAM], false);
		return;
	}
	if (byte >= WRITE_RAM && byte < WRITE_RAM + sizeof(c->ram)) {
		c->command = byte;
		return;
	}
	obey(c, byte);
	fill(c);
}

/* To a device: that turns it on, too. */
static void
write_keyboard(struct i8042 *c, uint8_t byte)
{
	c->ram[0] &= (uint8_t)~CTR_KEYBOARD_OFF;
	ps2_keyboard_write(&c->keyboard, byte);
	c->leds(c->arg, c->keyboard.leds);
}

static void
write_data(struct i8042 *c, uint8_t byte)
{
	uint8_t command = c->command;

	c->command = 0;
	c->command_last = false;
	switch (command) {
	case 0:
		write_keyboard(c, byte);
		break;
	case WRITE_MOUSE:
		c->ram[0] &= (uint8_t)~CTR_MOUSE_OFF;
		ps2_mouse_write(&c->mouse, byte);
		break;
	case WRITE_OUTPUT:
		write_output(c, byte);
		break;
	case FAKE_KEYBOARD:
	case FAKE_MOUSE:
		answer(c, byte, command == FAKE_MOUSE);
		break;
	default:
		c->ram[command - WRITE_RAM] = byte;
		set_lines(c);
	}
	fill(c);
}

static void
data_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct i8042 *c = dev;
	uint8_t *byte = data;

	(void)off, (void)len; /* one port: one byte */
	pthread_mutex_lock(&c->lock);
	if (write)
		write_data(c, *byte);
	else
		*byte = read_data(c);
	pthread_mutex_unlock(&c->lock);
}

static void
command_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct i8042 *c = dev;
	uint8_t *byte = data;

	(void)off, (void)len;
	pthread_mutex_lock(&c->lock);
	if (write)
		write_command(c, *byte);
	else
		*byte = status(c);
	pthread_mutex_unlock(&c->lock);
}

void
i8042_key(struct i8042 *c, uint8_t code, bool down)
{
	pthread_mutex_lock(&c->lock);
	ps2_keyboard_key(&c->keyboard, code, down);
	fill(c);
	pthread_mutex_unlock(&c->lock);
}

void
i8042_move(struct i8042 *c, const struct fb_pointer *p)
{
	pthread_mutex_lock(&c->lock);
	ps2_mouse_move(&c->mouse, p->x, p->y, p->wheel, (uint8_t)p->buttons);
	fill(c);
	pthread_mutex_unlock(&c->lock);
}

void
i8042_release(struct i8042 *c)
{
	pthread_mutex_lock(&c->lock);
	memset(c->keyboard.keys.down, 0, sizeof(c->keyboard.keys.down));
	ps2_keyboard_pump(&c->keyboard);
	ps2_mouse_move(&c->mouse, 0, 0, 0, 0);
	fill(c);
	pthread_mutex_unlock(&c->lock);
}

void
i8042_reset(struct i8042 *c)
{
	pthread_mutex_lock(&c->lock);
	ps2_keyboard_reset(&c->keyboard);
	ps2_mouse_reset(&c->mouse);
	memset(c->ram, 0, sizeof(c->ram));
	c->ram[0] = CTR_KEYBOARD_IRQ | CTR_TESTED | CTR_TRANSLATE | CTR_MOUSE_OFF;
	c->command = c->answer = c->last = 0;
	c->output_port = OUT_RUN | OUT_A20 | OUT_LINES;
	c->answer_mouse = false;
	c->command_last = true;
	c->source = I8042_NOTHING;
	set_lines(c);
	c->leds(c->arg, 0);
	pthread_mutex_unlock(&c->lock);
}

void
i8042_init(struct i8042 *c, struct vm *vm)
{
	*c = (struct i8042){.vm = vm, .leds = c->leds, .arg = c->arg};
	pthread_mutex_init(&c->lock, NULL);
	i8042_reset(c);
	bus_add(&vm->ports, PORT_DATA, 1, data_access, c);
	bus_add(&vm->ports, PORT_COMMAND, 1, command_access, c);
}

/* SPDX-License-Identifier: ISC */
/* links: kvm-run/i8042.c kvm-run/ps2.c kvm-run/ps2_keyboard.c kvm-run/ps2_mouse.c kvm-run/keys.c kvm-run/bus.c */
/*
 * A guest that does anything to the keyboard controller while a user does anything with keyboard and mouse. The input is
 * a program of two bytes a step. However it went: all that is to be read ends, and then the guest knows what is held.
 */
#include <stdlib.h>

#include "kvm-run/i8042.h"
#include "kvm-run/vm.h"

static bool lines[16];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void
vm_end(struct vm *v, enum vm_end how)
{
	(void)v, (void)how;
}

void
vm_irq_line(struct vm *v, unsigned gsi, bool level)
{
	(void)v;
	if (gsi > 15 || lines[gsi] == level)
		abort();
	lines[gsi] = level;
}

static void
on_leds(void *arg, uint32_t leds)
{
	(void)arg;
	if (leds > 7)
		abort();
}

static uint8_t
port(struct vm *vm, uint16_t at, bool write, uint8_t v)
{
	bus_do(&vm->ports, at, &v, 1, write);
	return v;
}

static void
step(struct vm *vm, struct i8042 *c, uint8_t what, uint8_t v)
{
	switch (what % 8) {
	case 0:
		port(vm, 0x64, true, v);
		break;
	case 1:
		port(vm, 0x60, true, v);
		break;
	case 2:
		if ((port(vm, 0x64, false, 0) & 0x30) == 0x20) /* the mouse's, and locked: there is no such status */
			abort();
		break;
	case 3:
		port(vm, 0x60, false, 0);
		break;
	case 4: /* to the mouse */
		port(vm, 0x64, true, 0xd4);
		port(vm, 0x60, true, v);
		break;
	case 5:
		i8042_key(c, v, what & 8);
		break;
	case 6:
		i8042_move(c, &(struct fb_pointer){.x = (int8_t)v * (what & 8 ? 300 : 1), .y = v ^ what, .wheel = (what >> 4) - 8,
		    .buttons = v & 31});
		break;
	case 7:
		if (what & 8)
			i8042_release(c);
		else if (what & 16)
			i8042_reset(c);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct i8042 c = {.leds = on_leds};
	struct vm vm = {.end = VM_RUNNING};
	unsigned left = 200000;

	lines[1] = lines[12] = false;
	i8042_init(&c, &vm);
	for (size_t i = 0; i + 1 < size; i += 2)
		step(&vm, &c, data[i], data[i + 1]);
	port(&vm, 0x64, true, 0x60);
	port(&vm, 0x60, true, 0x47);
	while (port(&vm, 0x64, false, 0) & 1) {
		port(&vm, 0x60, false, 0);
		if (!--left)
			abort();
	}
	if (lines[1] || lines[12] || (c.keyboard.scanning && keys_untold(&c.keyboard.keys)))
		abort();
	return 0;
}

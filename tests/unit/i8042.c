/* links: kvm-run/i8042.c kvm-run/ps2.c kvm-run/ps2_keyboard.c kvm-run/ps2_mouse.c kvm-run/keys.c kvm-run/bus.c */
/* SPDX-License-Identifier: ISC */
/* The keyboard controller, its keyboard and its mouse, as the probes of Linux and of firmware see them, and as hands do. */
#include <stdlib.h>

#include "kvm-run/i8042.h"
#include "kvm-run/vm.h"
#include "tests/unit/ports.h"

#define KEYBOARD 0x11 /* status: unlocked, a byte of the keyboard's or of the controller's own */
#define MOUSE 0x31

static struct vm vm;
static struct i8042 c;
static bool lines[16];
static unsigned edges[16];
static uint32_t leds;

void
vm_end(struct vm *v, enum vm_end how)
{
	v->end = how;
}

void
vm_irq_line(struct vm *v, unsigned gsi, bool level)
{
	(void)v;
	if (gsi != I8042_KEYBOARD_IRQ && gsi != I8042_MOUSE_IRQ)
		abort();
	edges[gsi] += level && !lines[gsi];
	lines[gsi] = level;
}

static void
on_leds(void *arg, uint32_t l)
{
	(void)arg;
	leds = l;
}

static void
command(uint8_t v)
{
	port_write(&vm.ports, 0x64, 1, v);
}

static void
data(uint8_t v)
{
	port_write(&vm.ports, 0x60, 1, v);
}

static uint8_t
status(void)
{
	return (uint8_t)port_read(&vm.ports, 0x64, 1);
}

/* All that is there to read, from the keyboard's side or the mouse's: in hexadecimal, "" for nothing. */
static const char *
said(bool mouse)
{
	static char text[1024];
	char *p = text;

	*p = '\0';
	while ((status() & 0x21) == (mouse ? 0x21 : 0x01) && p < text + sizeof(text) - 4)
		p += sprintf(p, "%s%02x", p == text ? "" : " ", port_read(&vm.ports, 0x60, 1));
	return text;
}

static void
control(uint8_t byte)
{
	command(0x60);
	data(byte);
}

static void
to_mouse(const char *bytes, unsigned n)
{
	while (n--) {
		command(0xd4);
		data((uint8_t)*bytes++);
	}
}

static void
fresh(uint8_t control_byte)
{
	i8042_release(&c);
	i8042_reset(&c);
	control(control_byte);
	said(false);
	memset(edges, 0, sizeof(edges));
}

static void
press(uint8_t code)
{
	i8042_key(&c, code, true);
	i8042_key(&c, code, false);
}

static void
move(int32_t x, int32_t y, int32_t wheel, uint32_t buttons)
{
	i8042_move(&c, &(struct fb_pointer){.x = x, .y = y, .wheel = wheel, .buttons = buttons});
}

/* drivers/input/serio/i8042.c: flush, self-test, command byte, loop-back and the bits of the mouse's port. */
static void
test_controller(void)
{
	i8042_reset(&c);
	PORT_STEPS(&vm.ports, {'r', 0x64, 1, 0x1c, "nothing to read"}, {'r', 0x60, 1, 0, "nothing there"},
	    {'w', 0x64, 1, 0xaa, ""}, {'r', 0x64, 1, 0x1d, "an answer"}, {'r', 0x60, 1, 0x55, "self-test passed"},
	    {'w', 0x64, 1, 0x20, ""}, {'r', 0x60, 1, 0x65, "command byte as firmware leaves it"},
	    {'r', 0x60, 1, 0x65, "the last byte again"}, {'r', 0x64, 1, 0x1c, "no answer any more"});
	PORT_STEPS(&vm.ports, {'w', 0x64, 1, 0xd3, ""}, {'w', 0x60, 1, 0x5a, ""}, {'r', 0x64, 1, 0x35, "as if from the mouse"},
	    {'r', 0x60, 1, 0x5a, "looped back"}, {'w', 0x64, 1, 0xd2, ""}, {'w', 0x60, 1, 0xa5, ""},
	    {'r', 0x64, 1, 0x15, "as if from the keyboard"}, {'r', 0x60, 1, 0xa5, "looped back"},
	    {'w', 0x64, 1, 0xa8, ""}, {'w', 0x64, 1, 0x20, ""}, {'r', 0x60, 1, 0x45, "mouse on"},
	    {'w', 0x64, 1, 0xa7, ""}, {'w', 0x64, 1, 0x20, ""}, {'r', 0x60, 1, 0x65, "mouse off"},
	    {'w', 0x64, 1, 0xad, ""}, {'w', 0x64, 1, 0x20, ""}, {'r', 0x60, 1, 0x75, "keyboard off"},
	    {'w', 0x64, 1, 0xae, ""}, {'w', 0x64, 1, 0x20, ""}, {'r', 0x60, 1, 0x65, "keyboard on"});
	PORT_STEPS(&vm.ports, {'w', 0x64, 1, 0xa9, ""}, {'r', 0x60, 1, 0, "mouse's port is good"}, {'w', 0x64, 1, 0xab, ""},
	    {'r', 0x60, 1, 0, "keyboard's port is good"}, {'w', 0x64, 1, 0xc0, ""}, {'r', 0x60, 1, 0x80, "input port"},
	    {'w', 0x64, 1, 0xe0, ""}, {'r', 0x60, 1, 0, "test inputs"}, {'w', 0x64, 1, 0x7f, ""}, {'w', 0x60, 1, 0x42, ""},
	    {'w', 0x64, 1, 0x3f, ""}, {'r', 0x60, 1, 0x42, "its memory"});
	ok(!lines[12], "the mouse's line stayed low");
}

static void
test_output_port(void)
{
	i8042_reset(&c);
	vm.end = VM_RUNNING;
	PORT_STEPS(&vm.ports, {'w', 0x64, 1, 0xd0, ""}, {'r', 0x60, 1, 0xcf, "A20 is open"}, {'w', 0x64, 1, 0xd1, ""},
	    {'w', 0x60, 1, 0xdd, ""}, {'w', 0x64, 1, 0xd0, ""}, {'r', 0x60, 1, 0xcd, "A20 closed"}, {'w', 0x64, 1, 0xdf, ""},
	    {'w', 0x64, 1, 0xd0, ""}, {'r', 0x60, 1, 0xcf, "and opened"}, {'w', 0x64, 1, 0xdd, ""}, {'w', 0x64, 1, 0xd0, ""},
	    {'r', 0x60, 1, 0xcd, "both by commands"}, {'w', 0x64, 1, 0xff, ""}, {'w', 0x60, 1, 0xfe, ""});
	ok(vm.end == VM_RUNNING, "no line pulsed, no reset");
	command(0xfe);
	ok(vm.end == VM_RESET, "the reset line pulsed");
	vm.end = VM_RUNNING;
	command(0xd1);
	data(0xce);
	ok(vm.end == VM_RESET, "the reset line driven low");
}

static void
test_keys(void)
{
	static const struct {
		uint8_t code;
		const char *raw, *translated, *name;
	} keys[] = {
	    {0x1e, "1c f0 1c", "1e 9e", "a"},
	    {0x41, "83 f0 83", "41 c1", "F7, whose code is beyond the table"},
	    {0x01, "76 f0 76", "01 81", "Escape"},
	    {0xcb, "e0 6b e0 f0 6b", "e0 4b e0 cb", "Left"},
	    {0x9c, "e0 5a e0 f0 5a", "e0 1c e0 9c", "Enter of the keypad"},
	    {0xb7, "e0 12 e0 7c e0 f0 7c e0 f0 12", "e0 2a e0 37 e0 b7 e0 aa", "Print"},
	    {0x54, "84 f0 84", "54 d4", "SysRq"},
	    {0xc6, "e1 14 77 e1 f0 14 f0 77", "e1 1d 45 e1 9d c5", "Pause"},
	    {0x80, "", "", "no such key"},
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		fresh(0x05);
		press(keys[i].code);
		is(said(false), keys[i].raw, keys[i].name);
		fresh(0x45);
		press(keys[i].code);
		is(said(false), keys[i].translated, "translated");
		fresh(0x05);
		data(0xf0);
		data(0x01);
		is(said(false), "fa fa", "set 1");
		press(keys[i].code);
		is(said(false), keys[i].translated, "is the same");
	}
	fresh(0x45);
	i8042_key(&c, 0x1d, true);
	press(0xc6);
	is(said(false), "1d e0 46 e0 c6", "Ctrl and Pause: Break");
	i8042_key(&c, 0x38, true);
	press(0xb7);
	is(said(false), "38 54 d4", "Alt and Print: SysRq");
	i8042_key(&c, 0x1e, true);
	i8042_key(&c, 0x1e, true);
	is(said(false), "1e 1e", "a repeat");
	i8042_release(&c);
	is(said(false), "9d 9e b8", "when the display goes all keys are let go");
}

/* Every key that Linux has a number for says something, and translation undoes what it undid. */
static void
test_all_keys(void)
{
	unsigned wrong = 0, keys = 0;
	char want[32];

	fresh(0x45);
	for (unsigned code = 1; code < KEY_CODES; code++) {
		if (!keys_linux((uint8_t)code) || code == KEY_CODE_PAUSE || code == KEY_CODE_PRINT)
			continue;
		press((uint8_t)code);
		if (code & 0x80)
			sprintf(want, "e0 %02x e0 %02x", code & 0x7f, code);
		else
			sprintf(want, "%02x %02x", code, code | 0x80);
		keys++;
		wrong += !!strcmp(said(false), want);
	}
	ok(keys > 110 && !wrong, "of %u keys %u are wrong", keys, wrong);
}

static void
test_keyboard_commands(void)
{
	fresh(0x45);
	data(0xff);
	is(said(false), "fa aa", "reset");
	data(0xf2);
	is(said(false), "fa ab 41", "a translated keyboard");
	data(0xee);
	is(said(false), "ee", "echo");
	data(0xed);
	data(0x02);
	is(said(false), "fa fa", "lights");
	ok(leds == FB_LED_NUM, "Num: %u", leds);
	data(0xed);
	said(false);
	data(0xf4);
	is(said(false), "fa", "a command in place of a parameter");
	ok(leds == FB_LED_NUM, "no other light");
	data(0xf3);
	data(0x20);
	is(said(false), "fa fa", "typematic rate");
	data(0xf0);
	data(0x03);
	data(0xf0);
	data(0x00);
	is(said(false), "fa fa 41", "set 3 is not taken: it is 2, translated; of two commands only the last is answered");
	data(0xfe);
	is(said(false), "41", "again");
	data(0x12);
	is(said(false), "fe", "no command");
	data(0xf5);
	press(0x1e);
	i8042_key(&c, 0x1f, true);
	is(said(false), "fa", "disabled, it says nothing of keys");
	data(0xf4);
	i8042_key(&c, 0x1f, false);
	is(said(false), "fa 9f", "enabled, the release of one that is held");
	i8042_key(&c, 0x1e, true);
	data(0xff);
	i8042_key(&c, 0x1e, false);
	is(said(false), "fa aa 9e", "a reset throws away what nobody has read");
	for (unsigned i = 0; i < 100; i++) {
		data(0xed);
		data(0x07);
	}
	ok(strlen(said(false)) == 3 * 2 - 1, "answers that nobody reads do not pile up");
}

static void
test_interrupts(void)
{
	fresh(0x45);
	press(0x1e);
	ok(lines[1] && edges[1] == 1, "a byte raises the line");
	port_read(&vm.ports, 0x60, 1);
	ok(lines[1] && edges[1] == 2, "the next is an edge of its own");
	port_read(&vm.ports, 0x60, 1);
	ok(!lines[1], "none left");
	control(0x44);
	press(0x1e);
	ok(!lines[1] && status() == (KEYBOARD | 4), "not enabled: only the status tells");
	control(0x45);
	ok(lines[1], "enabled meanwhile");
	said(false);
	command(0xad);
	press(0x1e);
	ok(!lines[1] && !(status() & 1), "the keyboard off: it waits");
	command(0xae);
	is(said(false), "1e 9e", "until it is on");
	i8042_key(&c, 0x1e, true);
	command(0x20);
	ok(port_read(&vm.ports, 0x60, 1) == 0x45, "the controller's answer does not wait behind a key");
	is(said(false), "1e", "which is not lost");
	i8042_key(&c, 0x1e, false);
	data(0xf2);
	is(said(false), "fa ab 41 9e", "nor does the keyboard's");
}

/* A user who types what nobody reads: none of the keys hangs. */
static void
test_overflow(void)
{
	const char *text;

	fresh(0x45);
	for (unsigned i = 0; i < 200; i++)
		press((uint8_t)(0x10 + i % 0x20));
	i8042_key(&c, 0x1e, true);
	i8042_key(&c, 0x9d, true);
	i8042_key(&c, 0x9d, false);
	i8042_key(&c, 0x1e, false);
	text = said(false);
	ok(strlen(text) >= 3 * 40 && strlen(text) < 3 * PS2_FIFO, "%zu bytes are there", (strlen(text) + 1) / 3);
	ok(!keys_untold(&c.keyboard.keys), "and in the end the guest knows all keys as they are");
	i8042_key(&c, 0x2a, true);
	is(said(false), "2a", "it goes on");
	for (unsigned i = 0; i < 40; i++)
		press(0xcb);
	i8042_key(&c, 0x2a, false);
	text = said(false);
	ok(strstr(text, "aa") && !keys_untold(&c.keyboard.keys), "a release that had no room comes later");
}

static void
test_mouse(void)
{
	fresh(0x47);
	move(1, 1, 0, 0);
	is(said(true), "", "a mouse that is not enabled says nothing");
	to_mouse("\xf2", 1);
	ok(status() == (MOUSE | 4) && lines[12] && !lines[1], "its interrupt alone");
	is(said(true), "fa 00", "a plain mouse");
	to_mouse("\xe9", 1);
	is(said(true), "fa 00 02 64", "its status");
	to_mouse("\xf4", 1);
	is(said(true), "fa", "enabled");
	move(5, 3, 0, 0);
	is(said(true), "28 05 fd", "right and down");
	move(-1, -2, 7, FB_BUTTON_LEFT);
	is(said(true), "19 ff 02", "left and up with the left button; no wheel");
	move(300, 0, 0, FB_BUTTON_RIGHT | FB_BUTTON_MIDDLE | FB_BUTTON_SIDE);
	is(said(true), "0e ff 00 0e 2d 00", "far to the right, the other buttons");
	move(0, 0, 0, FB_BUTTON_RIGHT | FB_BUTTON_MIDDLE);
	is(said(true), "", "a fourth button is not its");
	to_mouse("\xe9", 1);
	is(said(true), "fa 23 02 64", "buttons in its status");
	move(9, 0, 0, 0);
	port_read(&vm.ports, 0x60, 1);
	to_mouse("\xea", 1);
	is(said(true), "fa 08 00 00", "a command breaks a packet off, but no button stays down");
	to_mouse("\xf0", 1);
	move(1, 0, 0, FB_BUTTON_LEFT);
	to_mouse("\xeb", 1);
	is(said(true), "fa 09 01 00", "remote: asked for");
	to_mouse("\xee\x12\xeb\xec\xe8\x07\xe7\xe9", 8);
	is(said(true), "fa 74 03 64", "wrap mode ends; resolution, scaling");
	to_mouse("\xf6\xe1", 2);
	is(said(true), "fe", "no command");
	to_mouse("\xf4", 1);
	said(true);
	for (int i = 0; i < 1000; i++)
		move(100, -100, 0, i & 1);
	said(true);
	move(0, 0, 0, 0);
	said(true);
	ok(!c.mouse.dx && !c.mouse.told, "what nobody reads ends somewhere");
	i8042_key(&c, 0x1e, true);
	move(1, 0, 0, 0);
	is(said(false), "1e", "the keyboard first");
	is(said(true), "08 01 00", "then the mouse");
	move(0, 0, 0, 1);
	said(true);
	i8042_release(&c);
	is(said(false), "9e", "the display goes:");
	is(said(true), "08 00 00", "no button is held");
}

static void
test_wheel(void)
{
	fresh(0x47);
	to_mouse("\xf3\xc8\xf3\x64\xf3\x50\xf2", 7);
	is(said(true), "fa 03", "three rates unlock the wheel");
	to_mouse("\xf3\xc8\xf3\xc8\xf3\x50\xf2", 7);
	is(said(true), "fa 04", "and the other buttons");
	to_mouse("\xf4", 1);
	said(true);
	move(0, 0, 1, 0);
	is(said(true), "08 00 00 0f", "a step away from the user");
	move(0, 0, -20, FB_BUTTON_SIDE | FB_BUTTON_EXTRA);
	is(said(true), "08 00 00 37 08 00 00 37 08 00 00 36", "many towards the user, with both thumbs down");
	to_mouse("\xff", 1);
	is(said(true), "fa aa 00", "reset: a plain mouse");
}

int
main(void)
{
	c.leds = on_leds;
	i8042_init(&c, &vm);
	test_controller();
	test_output_port();
	test_keys();
	test_all_keys();
	test_keyboard_commands();
	test_interrupts();
	test_overflow();
	test_mouse();
	test_wheel();
	return tap_done();
}

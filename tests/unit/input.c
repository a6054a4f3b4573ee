/* links: kvm-run/input.c */
/* SPDX-License-Identifier: ISC */
/* Which device keys and pointer go to, and what the displays are told of it. The devices write down what they get. */
#include <stdlib.h>

#include "kvm-run/i8042.h"
#include "kvm-run/input.h"
#include "kvm-run/iothread.h"
#include "kvm-run/virtio_input.h"
#include "kvm-run/vm.h"
#include "tests/unit/tap.h"
#include "tests/unit/thread_stub.h"

struct virtio_input {
	struct virtio_dev dev;
	enum virtio_input_kind kind;
	virtio_input_changed *changed;
	void *arg;
};

static struct vm vm;
static struct iothread io;
static struct i8042 *ps2;
static struct virtio_input devs[2];
static char text[256];
static char first[] = "a", second[] = "b", third[] = "c"; /* displays */

__attribute__((format(printf, 1, 2))) static void
note(const char *fmt, ...)
{
	size_t n = strlen(text);
	va_list ap;

	if (n)
		text[n++] = ' ';
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
}

void
i8042_init(struct i8042 *c, struct vm *v)
{
	(void)v;
	ps2 = c;
}

void
i8042_reset(struct i8042 *c)
{
	(void)c;
	note("ps2 reset");
}

void
i8042_key(struct i8042 *c, uint8_t code, bool down)
{
	(void)c;
	note("ps2 %02x%c", code, down ? '+' : '-');
}

void
i8042_move(struct i8042 *c, const struct fb_pointer *p)
{
	(void)c;
	note("ps2 %d,%d,%d/%u", p->x, p->y, p->wheel, p->buttons);
}

void
i8042_release(struct i8042 *c)
{
	(void)c;
	note("ps2 up");
}

const char *
virtio_input_create(struct vm *v, enum virtio_input_kind kind, virtio_input_changed *changed, void *arg, struct virtio_input **out,
    char *why, size_t size)
{
	(void)v, (void)why, (void)size;
	devs[kind] = (struct virtio_input){.kind = kind, .changed = changed, .arg = arg};
	strcpy(devs[kind].dev.id, kind ? "tablet" : "keyboard");
	*out = &devs[kind];
	return NULL;
}

struct virtio_dev *
virtio_input_dev(struct virtio_input *in)
{
	return &in->dev;
}

void
virtio_input_key(struct virtio_input *in, uint8_t code, bool down)
{
	note("%s %02x%c", in->dev.id, code, down ? '+' : '-');
}

void
virtio_input_pointer(struct virtio_input *in, const struct fb_pointer *p)
{
	note("%s %d,%d,%d/%u", in->dev.id, p->x, p->y, p->wheel, p->buttons);
}

void
virtio_input_release(struct virtio_input *in)
{
	note("%s up", in->dev.id);
}

/* --- */

static void
on_state(void *arg, uint32_t leds, bool absolute)
{
	note("%s:%u%s", (const char *)arg, leds, absolute ? "abs" : "rel");
}

static void
driver(enum virtio_input_kind kind, bool ready, uint32_t leds)
{
	devs[kind].changed(devs[kind].arg, kind, ready, leds);
}

static void
pointer(uint32_t absolute, int32_t x, uint32_t buttons)
{
	input_pointer(vm.input, &(struct fb_pointer){.absolute = absolute, .x = x, .y = x, .wheel = 1, .buttons = buttons});
}

#define HEARD(want, name)                 \
	do {                              \
		is(text, want, name);     \
		text[0] = '\0';           \
	} while (0)

static void
test_keys(void)
{
	input_key(vm.input, 0x1e, true);
	HEARD("ps2 1e+", "without a driver keys are the PS/2 keyboard's");
	driver(VIRTIO_KEYBOARD, true, 0);
	HEARD("ps2 up", "with one, what is held there is let go of");
	input_key(vm.input, 0xcb, true);
	input_key(vm.input, 0xcb, false);
	HEARD("keyboard cb+ keyboard cb-", "and keys go to the other");
	driver(VIRTIO_KEYBOARD, false, 0);
	input_key(vm.input, 0x1e, false);
	HEARD("ps2 1e-", "until its driver is gone");
}

static void
test_pointer(void)
{
	pointer(1, 50, 1);
	HEARD("ps2 0,0,1/1", "without a tablet a position means nothing, but buttons and the wheel do");
	pointer(0, 5, 0);
	HEARD("ps2 5,5,1/0", "a move is the mouse's");
	driver(VIRTIO_TABLET, true, 0);
	HEARD("ps2 up a:0abs b:0abs", "the displays hear of the tablet");
	pointer(1, 50, 1);
	HEARD("ps2 0,0,0/0 tablet 50,50,1/1", "a position is the tablet's, and the mouse holds no button");
	pointer(0, 3, 0);
	HEARD("tablet up ps2 3,3,1/0", "a move is still the mouse's, and the tablet holds none");
	driver(VIRTIO_TABLET, false, 0);
	HEARD("a:0rel b:0rel", "they hear that it is gone");
}

static void
test_lights(void)
{
	ps2->leds(ps2->arg, FB_LED_CAPS);
	HEARD("", "a vCPU's thread tells nobody");
	loop_once(&io.loop, 0);
	HEARD("a:4rel b:4rel", "the displays' does");
	ps2->leds(ps2->arg, FB_LED_CAPS);
	ps2->leds(ps2->arg, FB_LED_CAPS);
	loop_once(&io.loop, 0);
	HEARD("", "once");
	driver(VIRTIO_KEYBOARD, true, FB_LED_NUM);
	HEARD("ps2 up a:2rel b:2rel", "the lights are those of the keyboard that is used");
	input_listen(vm.input, NULL, first);
	driver(VIRTIO_KEYBOARD, true, 0);
	HEARD("b:0rel", "who does not listen hears nothing");
	input_listen(vm.input, on_state, third);
	HEARD("c:0rel", "who begins to hears how it is");
	input_listen(vm.input, NULL, second);
	driver(VIRTIO_KEYBOARD, false, 0);
	HEARD("c:4rel", "and goes on to, whoever leaves");
}

static void
test_ends(void)
{
	driver(VIRTIO_TABLET, true, 0);
	text[0] = '\0';
	input_release(vm.input);
	HEARD("ps2 up tablet up", "the display goes: devices that are used let go");
	input_reset(vm.input);
	HEARD("ps2 reset", "a reset");
}

int
main(void)
{
	char why[64];

	if (loop_init(&io.loop))
		abort();
	vm.io = &io;
	if (input_create(&vm, why, sizeof(why)) || input_add_devices(&vm, why, sizeof(why)))
		abort();
	ok(vm.ndevices == 2 && !strcmp(vm.devices[1].id, "tablet"), "two devices");
	input_listen(vm.input, on_state, first);
	input_listen(vm.input, on_state, second);
	HEARD("a:0rel b:0rel", "displays hear how it is");
	test_keys();
	test_pointer();
	test_lights();
	test_ends();
	input_destroy(vm.input);
	loop_done(&io.loop);
	return tap_done();
}

/* links: kvm-run/virtio_input.c kvm-run/virtio_input_config.c kvm-run/keys.c kvm-run/virtq.c kvm-run/virtio_lap.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* The virtio keyboard and tablet, seen from their driver: what they say they are, reports, lights, too few buffers. */
#include <linux/input.h>
#include <linux/virtio_input.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "kvm-run/virtio_input_dev.h"
#include "kvm-run/vm.h"
#include "tests/unit/ring.h"
#include "tests/unit/tap.h"
#include "tests/unit/virtio_stub.h"

static struct vm vm;
static struct ring rings[2][2]; /* of each device: events, status */
static struct virtio_input *dev[2];
static struct {
	bool ready;
	uint32_t leds;
} now[2];

static void
changed(void *arg, enum virtio_input_kind kind, bool ready, uint32_t leds)
{
	(void)arg;
	now[kind].ready = ready;
	now[kind].leds = leds;
}

static void
start(enum virtio_input_kind kind)
{
	for (unsigned q = 0; q < 2; q++) {
		struct virtio_queue *to = &dev[kind]->dev.queues[q];

		if (!ring_start(&rings[kind][q], INPUT_QUEUE_SIZE, true))
			abort();
		to->vq = rings[kind][q].q;
		to->enabled = true;
	}
	stub_broken = NULL;
	dev[kind]->dev.ops->start(&dev[kind]->dev);
}

/* Gives n buffers for events, and kicks if the device has asked for it. */
static void
offer(enum virtio_input_kind kind, unsigned n)
{
	struct ring *r = &rings[kind][INPUT_EVENTS];
	uint16_t before = ring_get16(r, RING_AVAIL + 2), after = (uint16_t)(before + n);
	uint16_t event = ring_get16(r, RING_USED + 4 + 8 * INPUT_QUEUE_SIZE);

	for (uint16_t i = before; i != after; i++) {
		ring_desc(r, RING_DESC, i % INPUT_QUEUE_SIZE, RING_DATA + 8UL * (i % INPUT_QUEUE_SIZE), 8, WRITE, 0);
		ring_offer(r, i % INPUT_QUEUE_SIZE);
	}
	if ((uint16_t)(after - event - 1) < (uint16_t)(after - before))
		dev[kind]->dev.ops->kick(&dev[kind]->dev, INPUT_EVENTS);
}

/* The events since the last call, "type:code:value ..."; the end of a report is a bar. */
static const char *
events(enum virtio_input_kind kind)
{
	static uint16_t seen[2];
	static char text[4096];
	struct ring *r = &rings[kind][INPUT_EVENTS];
	char *p = text;

	*p = '\0';
	if (ring_get16(r, RING_USED + 2) < seen[kind])
		seen[kind] = 0; /* started anew */
	for (; seen[kind] != ring_get16(r, RING_USED + 2); seen[kind]++) {
		struct virtio_input_event e;
		uint64_t used = RING_USED + 4 + 8UL * (seen[kind] % INPUT_QUEUE_SIZE);

		memcpy(&e, r->ram + RING_DATA + 8UL * r->ram[used], sizeof(e));
		if (r->ram[used + 4] != sizeof(e))
			p += sprintf(p, "?");
		if (e.type == EV_SYN)
			p += sprintf(p, "|");
		else
			p += sprintf(p, "%s%u:%u:%d", p == text || p[-1] == '|' ? "" : " ", e.type, e.code, (int32_t)e.value);
	}
	return text;
}

static unsigned
ask(enum virtio_input_kind kind, uint8_t select, uint8_t subsel)
{
	struct virtio_dev *d = &dev[kind]->dev;

	d->config[0] = select;
	d->ops->config_written(d, 0, 1);
	d->config[1] = subsel;
	d->ops->config_written(d, 1, 1);
	return d->config[2];
}

static bool
bit(enum virtio_input_kind kind, unsigned n)
{
	return dev[kind]->dev.config[8 + n / 8] >> n % 8 & 1;
}

static void
test_config(void)
{
	const uint8_t *c = dev[VIRTIO_TABLET]->dev.config;
	const struct virtio_input_config *t = (const void *)c;

	ok(ask(VIRTIO_KEYBOARD, VIRTIO_INPUT_CFG_ID_NAME, 0) == 16 && !memcmp(dev[0]->dev.config + 8, "kvm-run keyboard", 17), "a name");
	ok(ask(VIRTIO_TABLET, VIRTIO_INPUT_CFG_ID_DEVIDS, 0) == 8 && t->u.ids.bustype == BUS_VIRTUAL && t->u.ids.product == 2, "ids");
	ok(ask(VIRTIO_TABLET, VIRTIO_INPUT_CFG_ABS_INFO, ABS_Y) == 20 && !t->u.abs.min && t->u.abs.max == 32767, "an axis");
	ok(!ask(VIRTIO_TABLET, VIRTIO_INPUT_CFG_ABS_INFO, 2) && bytes_zero(c + 8, 128), "no third one, and nothing left of the others");
	ok(!ask(VIRTIO_KEYBOARD, VIRTIO_INPUT_CFG_ABS_INFO, ABS_X), "a keyboard has none");
	ok(ask(VIRTIO_KEYBOARD, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY) && bit(0, KEY_A) && bit(0, KEY_RIGHTMETA) && bit(0, KEY_SYSRQ) && bit(0, KEY_102ND) &&
	    !bit(0, 0) && !bit(0, 84), "keys");
	ok(ask(VIRTIO_KEYBOARD, VIRTIO_INPUT_CFG_EV_BITS, EV_LED) == 1 && dev[0]->dev.config[8] == 7, "lights");
	ok(!ask(VIRTIO_KEYBOARD, VIRTIO_INPUT_CFG_EV_BITS, EV_REP), "no repeats by the guest");
	ok(ask(VIRTIO_TABLET, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY) == BTN_EXTRA / 8 + 1 && bit(1, BTN_LEFT) && bit(1, BTN_EXTRA) &&
	    !bit(1, BTN_FORWARD), "buttons");
	ok(ask(VIRTIO_TABLET, VIRTIO_INPUT_CFG_EV_BITS, EV_REL) == 2 && bit(1, REL_WHEEL) && bit(1, REL_HWHEEL_HI_RES), "wheels");
	ok(ask(VIRTIO_TABLET, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS) == 1 && c[8] == 3, "axes");
	ok(!ask(VIRTIO_TABLET, 0xff, 0xff) && c[0] == 0xff && c[1] == 0xff && bytes_zero(c + 2, INPUT_CONFIG_SIZE - 2), "and nothing else");
}

static void
test_keys(void)
{
	virtio_input_key(dev[0], 0x1e, true);
	ok(!now[0].ready, "not ready before its driver");
	start(VIRTIO_KEYBOARD);
	ok(now[0].ready, "ready with it");
	offer(VIRTIO_KEYBOARD, 64);
	is(events(0), "", "what was held before is not told");
	stub_interrupts = 0;
	virtio_input_key(dev[0], 0x1e, true);
	is(events(0), "1:30:1|", "a press");
	ok(stub_interrupts == 1, "interrupts once");
	virtio_input_key(dev[0], 0x1e, true);
	virtio_input_key(dev[0], 0xb8, true);
	virtio_input_key(dev[0], 0x1e, false);
	virtio_input_key(dev[0], 0x80, true);
	is(events(0), "1:30:2|1:100:1|1:30:0|", "a repeat, another, a release; nothing of a key that Linux does not know");
	virtio_input_release(dev[0]);
	is(events(0), "1:100:0|", "all are let go");
}

/* The guest gives no buffers for a while: whole reports are missing, no half one, and in the end it knows all keys. */
static void
test_few_buffers(void)
{
	start(VIRTIO_KEYBOARD);
	offer(VIRTIO_KEYBOARD, 3);
	virtio_input_key(dev[0], 0x1e, true);
	virtio_input_key(dev[0], 0x1e, false);
	virtio_input_key(dev[0], 0x2a, true);
	virtio_input_key(dev[0], 0x30, true);
	virtio_input_key(dev[0], 0x30, false);
	is(events(0), "1:30:1|", "one report fits");
	offer(VIRTIO_KEYBOARD, 1);
	is(events(0), "1:30:0|", "with one more buffer the release; the device had asked for the kick");
	offer(VIRTIO_KEYBOARD, 1);
	is(events(0), "", "one alone is none");
	offer(VIRTIO_KEYBOARD, 10);
	is(events(0), "1:42:1|", "then what is held; what was pressed and let go meanwhile is lost");
	for (unsigned i = 0; i < 40; i++)
		virtio_input_key(dev[0], (uint8_t)(2 + i), true);
	virtio_input_release(dev[0]);
	events(0);
	offer(VIRTIO_KEYBOARD, 50);
	events(0);
	ok(!keys_untold(&dev[0]->keys), "no key hangs");
}

static void
put(int32_t x, int32_t y, uint32_t buttons, int32_t wheel, int32_t wheel_x)
{
	virtio_input_pointer(dev[1], &(struct fb_pointer){FB_POINTER, 1, x, y, wheel, wheel_x, buttons});
}

static void
test_tablet(void)
{
	start(VIRTIO_TABLET);
	offer(VIRTIO_TABLET, 28);
	put(0, 0, 0, 0, 0);
	is(events(1), "3:0:0 3:1:0|", "the corner is a place, too");
	put(32767, 0, FB_BUTTON_LEFT, 0, 0);
	is(events(1), "3:0:32767 1:272:1|", "what has changed, in one report");
	put(32767, 0, FB_BUTTON_LEFT, 0, 0);
	is(events(1), "", "nothing has");
	put(32767, 9, FB_BUTTON_MIDDLE | FB_BUTTON_RIGHT | FB_BUTTON_SIDE | FB_BUTTON_EXTRA, -1, 2);
	is(events(1), "3:1:9 1:272:0 1:274:1 1:273:1 1:275:1 1:276:1 2:8:-1 2:11:-120 2:6:2 2:12:240|", "all at once");
	put(1, 1, 0xffffffe0, 0, 0);
	is(events(1), "3:0:1 3:1:1 1:274:0 1:273:0 1:275:0 1:276:0|", "buttons that there are not");
	put(5, 5, FB_BUTTON_LEFT, 1, 0);
	put(6, 6, FB_BUTTON_LEFT, 1, 0);
	is(events(1), "", "too few buffers");
	offer(VIRTIO_TABLET, 8);
	is(events(1), "3:0:6 3:1:6 1:272:1|", "where it is now, and the button; the wheel's steps are lost");
	virtio_input_release(dev[1]);
	is(events(1), "1:272:0|", "the display goes");
	dev[1]->dev.ops->stop(&dev[1]->dev);
	ok(!now[1].ready, "the driver goes");
	put(7, 7, FB_BUTTON_LEFT, 0, 0);
}

static void
status(uint16_t type, uint16_t code, uint32_t value, uint32_t len)
{
	struct ring *r = &rings[0][INPUT_STATUS];
	struct virtio_input_event e = {type, code, value};

	memcpy(r->ram + RING_DATA, &e, sizeof(e));
	ring_desc(r, RING_DESC, 0, RING_DATA, len, 0, 0);
	ring_offer(r, 0);
	dev[0]->dev.ops->kick(&dev[0]->dev, INPUT_STATUS);
}

static void
test_lights(void)
{
	start(VIRTIO_KEYBOARD);
	status(EV_LED, LED_CAPSL, 1, 8);
	ok(now[0].leds == FB_LED_CAPS, "Caps");
	status(EV_LED, LED_NUML, 1, 8);
	status(EV_LED, LED_SCROLLL, 1, 8);
	status(EV_LED, LED_CAPSL, 0, 8);
	ok(now[0].leds == (FB_LED_NUM | FB_LED_SCROLL), "Num and Scroll");
	status(EV_LED, LED_MUTE, 1, 8);
	status(EV_SND, LED_CAPSL, 1, 8);
	status(EV_LED, LED_CAPSL, 1, 7);
	ok(now[0].leds == (FB_LED_NUM | FB_LED_SCROLL) && !stub_broken, "nothing else is a light");
	ok(ring_get16(&rings[0][INPUT_STATUS], RING_USED + 2) == 7, "all were given back");
	start(VIRTIO_KEYBOARD);
	ok(!now[0].leds, "a new driver begins in the dark");
}

static void
test_broken_rings(void)
{
	struct ring *r = &rings[0][INPUT_EVENTS];

	start(VIRTIO_KEYBOARD);
	ring_set16(r, RING_AVAIL + 2, 1000);
	virtio_input_key(dev[0], 0x1e, true);
	ok(stub_broken, "an index that runs ahead: %s", stub_broken);
	start(VIRTIO_KEYBOARD);
	ring_desc(r, RING_DESC, 0, RING_DATA, 4, WRITE, 0);
	ring_desc(r, RING_DESC, 1, RING_DATA + 8, 8, 0, 0);
	ring_offer(r, 0);
	ring_offer(r, 1);
	virtio_input_key(dev[0], 0x1e, true);
	ok(!stub_broken && ring_get16(r, RING_USED + 2) == 2 && r->ram[RING_USED + 8] == 4 && !r->ram[RING_USED + 16],
	    "buffers that are too small, or not for writing, get what fits");
	start(VIRTIO_KEYBOARD);
	ring_set16(&rings[0][INPUT_STATUS], RING_AVAIL + 2, 1000);
	dev[0]->dev.ops->kick(&dev[0]->dev, INPUT_STATUS);
	ok(stub_broken, "the status ring: %s", stub_broken);
}

int
main(void)
{
	char why[64];

	for (unsigned kind = 0; kind < 2; kind++)
		if (virtio_input_create(&vm, kind, changed, NULL, &dev[kind], why, sizeof(why)))
			abort();
	test_config();
	test_keys();
	test_few_buffers();
	test_tablet();
	test_lights();
	test_broken_rings();
	for (unsigned kind = 0; kind < 2; kind++)
		dev[kind]->dev.ops->destroy(&dev[kind]->dev);
	return tap_done();
}

/* SPDX-License-Identifier: ISC */
/* virtio-input: reports and lights; the contracts are in virtio_input.h. Section numbers are virtio 1.2's. */
#include <errno.h>
#include <linux/input-event-codes.h>
#include <linux/virtio_input.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "kvm-run/virtio_input_dev.h"
#include "kvm-run/vm.h"

#define REPORT_MAX 16	    /* events: two axes, five buttons, four of the wheels, the end */
#define WHEEL_NOTCH_HI_RES 120
#define REPEAT 2	    /* value of a key that is held */

struct report {
	struct virtio_input_event events[REPORT_MAX];
	unsigned n;
};

static struct virtio_input *
of_dev(struct virtio_dev *d)
{
	return container_of(d, struct virtio_input, dev);
}

struct virtio_dev *
virtio_input_dev(struct virtio_input *in)
{
	return &in->dev;
}

static void
add(struct report *r, uint16_t type, uint16_t code, uint32_t value)
{
	r->events[r->n++] = (struct virtio_input_event){type, code, value};
}

/* Takes n chains for n events and writes them; true when there were as many. Else they stay, and the driver is asked to kick
 * when it adds one: counted with those taken, or it would see no need to. *more: one has come meanwhile. */
static bool
fill_buffers(struct virtq *vq, const struct report *r, bool *more)
{
	struct iovec iov[INPUT_QUEUE_SIZE];
	struct vq_chain c;
	unsigned n;

	for (n = 0; n < r->n && vq_pop(vq, &c, iov, INPUT_QUEUE_SIZE) > 0; n++)
		vq_fill(vq, c.head, (uint32_t)iov_write(c.iov + c.nout, c.nin, 0, &r->events[n], sizeof(r->events[n])), n);
	if (n == r->n)
		return true;
	*more = vq_want_kicks(vq);
	while (n--)
		vq_unpop(vq);
	return false;
}

/* An event fills a buffer, and a report appears whole or not at all: false without buffers for all of it. */
static bool
send_report(struct virtio_input *in, struct report *r)
{
	struct virtq *vq = &in->dev.queues[INPUT_EVENTS].vq;
	bool more = true, done = false;

	if (!in->ready)
		return false;
	add(r, EV_SYN, SYN_REPORT, 0);
	/* Each try finds one buffer more; a driver that takes its index back gets no more tries for it. */
	for (unsigned i = 0; i < REPORT_MAX && more && !done; i++)
		done = fill_buffers(vq, r, &more);
	if (done) {
		vq_publish(vq, r->n);
		virtio_interrupt(&in->dev, INPUT_EVENTS);
	} else if (vq->broken) {
		virtio_broken(&in->dev, vq->broken);
	}
	return done;
}

/* Two keys of the PC may be one of Linux, as Print and SysRq. */
static bool
tell_key(struct virtio_input *in, uint8_t code, uint32_t value)
{
	struct report r = {.n = 0};

	if (keys_linux(code)) {
		add(&r, EV_KEY, keys_linux(code), value);
		if (!send_report(in, &r))
			return false;
	}
	in->keys.told[code] = value;
	return true;
}

/* Where the pointer is and which buttons are held, as far as the guest knows it otherwise. */
static bool
tell_pointer(struct virtio_input *in, const struct fb_pointer *wheels)
{
	uint32_t changed = in->buttons ^ in->told_buttons;
	struct report r = {.n = 0};

	if (in->x != in->told_x)
		add(&r, EV_ABS, ABS_X, (uint32_t)in->x);
	if (in->y != in->told_y)
		add(&r, EV_ABS, ABS_Y, (uint32_t)in->y);
	for (unsigned i = 0; i < INPUT_BUTTONS; i++)
		if (changed & 1U << i)
			add(&r, EV_KEY, input_buttons[i], in->buttons >> i & 1);
	if (wheels && wheels->wheel) {
		add(&r, EV_REL, REL_WHEEL, (uint32_t)wheels->wheel);
		add(&r, EV_REL, REL_WHEEL_HI_RES, (uint32_t)(wheels->wheel * WHEEL_NOTCH_HI_RES));
	}
	if (wheels && wheels->wheel_x) {
		add(&r, EV_REL, REL_HWHEEL, (uint32_t)wheels->wheel_x);
		add(&r, EV_REL, REL_HWHEEL_HI_RES, (uint32_t)(wheels->wheel_x * WHEEL_NOTCH_HI_RES));
	}
	if (r.n && !send_report(in, &r))
		return false;
	in->told_x = in->x;
	in->told_y = in->y;
	in->told_buttons = in->buttons;
	return true;
}

/* Tells what the guest does not know yet, as far as there are buffers for it. */
static void
tell(struct virtio_input *in)
{
	unsigned code;

	if (in->kind == VIRTIO_TABLET)
		tell_pointer(in, NULL);
	else
		while ((code = keys_untold(&in->keys)) && tell_key(in, (uint8_t)code, in->keys.down[code]))
			;
}

void
virtio_input_key(struct virtio_input *in, uint8_t code, bool down)
{
	bool again = down && in->keys.down[code] && in->keys.told[code];

	in->keys.down[code] = down;
	if (again)
		tell_key(in, code, REPEAT);
	tell(in);
}

void
virtio_input_pointer(struct virtio_input *in, const struct fb_pointer *p)
{
	in->buttons = p->buttons & ((1U << INPUT_BUTTONS) - 1);
	in->x = p->x;
	in->y = p->y;
	tell_pointer(in, p);
}

void
virtio_input_release(struct virtio_input *in)
{
	memset(in->keys.down, 0, sizeof(in->keys.down));
	in->buttons = 0;
	tell(in);
}

static void
changed(struct virtio_input *in)
{
	in->changed(in->arg, in->kind, in->ready, in->leds);
}

static void
status_event(struct virtio_input *in, const struct virtio_input_event *e)
{
	static const struct {
		uint16_t code;
		uint32_t led;
	} leds[] = {{LED_NUML, FB_LED_NUM}, {LED_CAPSL, FB_LED_CAPS}, {LED_SCROLLL, FB_LED_SCROLL}};

	for (unsigned i = 0; e->type == EV_LED && i < ARRAY_LEN(leds); i++)
		if (e->code == leds[i].code)
			in->leds = e->value ? in->leds | leds[i].led : in->leds & ~leds[i].led;
}

static const char *
serve_status(struct virtio_dev *d, unsigned q, const struct vq_chain *c)
{
	struct virtio_input_event e;

	if (iov_read(c->iov, c->nout, 0, &e, sizeof(e)) == sizeof(e))
		status_event(of_dev(d), &e);
	vq_push(&d->queues[q].vq, c->head, 0);
	return NULL;
}

static void
read_status(struct virtio_input *in)
{
	uint32_t before = in->leds;

	virtio_lap(&in->dev, INPUT_STATUS, INPUT_QUEUE_SIZE, serve_status);
	if (in->leds != before && !in->dev.queues[INPUT_STATUS].vq.broken)
		changed(in);
}

static void
kick(struct virtio_dev *d, unsigned q)
{
	if (q == INPUT_STATUS) {
		read_status(of_dev(d));
		return;
	}
	vq_no_kicks(&d->queues[q].vq);
	tell(of_dev(d));
}

/* What is held now is no news to a driver that has just started: it was told to another device. */
static bool
start(struct virtio_dev *d)
{
	struct virtio_input *in = of_dev(d);

	memset(&in->keys, 0, sizeof(in->keys));
	in->buttons = in->told_buttons = 0;
	in->x = in->y = in->told_x = in->told_y = -1;
	in->leds = 0;
	in->ready = d->queues[INPUT_EVENTS].enabled;
	changed(in);
	return true;
}

static void
stop(struct virtio_dev *d)
{
	struct virtio_input *in = of_dev(d);

	in->ready = false;
	in->leds = 0;
	changed(in);
}

static void
destroy(struct virtio_dev *d)
{
	free(of_dev(d));
}

#define OPS(class)                                                                                     \
	{                                                                                              \
		.device_id = VIRTIO_ID_INPUT, .class_code = class, .start = start, .stop = stop,       \
		.kick = kick, .config_written = input_config_written, .destroy = destroy,              \
	}

static const struct virtio_ops ops[] = {
    [VIRTIO_KEYBOARD] = OPS(0x090000), /* input device, keyboard */
    [VIRTIO_TABLET] = OPS(0x098000),   /* input device, other */
};

const char *
virtio_input_create(struct vm *vm, enum virtio_input_kind kind, virtio_input_changed *on_change, void *arg,
    struct virtio_input **out, char *why, size_t size)
{
	struct virtio_input *in = calloc(1, sizeof(*in));
	int err = in ? 0 : -ENOMEM;

	if (!err) {
		in->kind = kind;
		in->changed = on_change;
		in->arg = arg;
		in->dev.ops = &ops[kind];
		strcpy(in->dev.id, kind == VIRTIO_TABLET ? "tablet" : "keyboard");
		in->dev.io = vm->io;
		in->dev.config_len = INPUT_CONFIG_SIZE;
		in->dev.nqueues = 2;
		in->dev.queues[INPUT_EVENTS].size_max = in->dev.queues[INPUT_STATUS].size_max = INPUT_QUEUE_SIZE;
		err = virtio_plug(&in->dev, vm, false);
	}
	if (err) {
		free(in);
		snprintf(why, size, "%s", strerror(-err));
		return why;
	}
	*out = in;
	return NULL;
}

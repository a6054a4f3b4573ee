/* SPDX-License-Identifier: ISC */
/* What the keyboard and the tablet say of themselves: virtio 1.2, 5.8.4 and 5.8.5, numbers of input-event-codes.h. */
#include <linux/input.h>
#include <linux/virtio_input.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "kvm-run/virtio_input_dev.h"

_Static_assert(sizeof(struct virtio_input_config) == INPUT_CONFIG_SIZE, "virtio 1.2, 5.8.5");
_Static_assert(INPUT_CONFIG_SIZE <= VIRTIO_CONFIG_MAX, "it has to fit");

static const char *const names[] = {[VIRTIO_KEYBOARD] = "kvm-run keyboard", [VIRTIO_TABLET] = "kvm-run tablet"};

const uint16_t input_buttons[INPUT_BUTTONS] = {BTN_LEFT, BTN_MIDDLE, BTN_RIGHT, BTN_SIDE, BTN_EXTRA};

static void
add_bit(struct virtio_input_config *c, unsigned bit)
{
	c->u.bitmap[bit / 8] |= (uint8_t)(1 << bit % 8);
	if (c->size < bit / 8 + 1)
		c->size = (uint8_t)(bit / 8 + 1);
}

static void
add_bits(struct virtio_input_config *c, const uint16_t *bits, size_t n)
{
	while (n--)
		add_bit(c, *bits++);
}

/* No EV_REP: the user's keyboard repeats at the display, so that no key runs on when the line to it stalls. */
static void
keyboard_bits(struct virtio_input_config *c)
{
	static const uint16_t leds[] = {LED_NUML, LED_CAPSL, LED_SCROLLL};

	if (c->subsel == EV_LED)
		add_bits(c, leds, ARRAY_LEN(leds));
	for (unsigned code = 1; c->subsel == EV_KEY && code < KEY_CODES; code++)
		if (keys_linux((uint8_t)code))
			add_bit(c, keys_linux((uint8_t)code));
}

static void
tablet_bits(struct virtio_input_config *c)
{
	static const uint16_t wheels[] = {REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES}, axes[] = {ABS_X, ABS_Y};

	if (c->subsel == EV_KEY)
		add_bits(c, input_buttons, INPUT_BUTTONS);
	else if (c->subsel == EV_REL)
		add_bits(c, wheels, ARRAY_LEN(wheels));
	else if (c->subsel == EV_ABS)
		add_bits(c, axes, ARRAY_LEN(axes));
}

static void
fill(struct virtio_input_config *c, enum virtio_input_kind kind)
{
	switch (c->select) {
	case VIRTIO_INPUT_CFG_ID_NAME:
		c->size = (uint8_t)strlen(names[kind]);
		memcpy(c->u.string, names[kind], c->size);
		break;
	case VIRTIO_INPUT_CFG_ID_DEVIDS:
		c->size = sizeof(c->u.ids);
		c->u.ids = (struct virtio_input_devids){BUS_VIRTUAL, 0x1af4, (uint16_t)(1 + kind), 1};
		break;
	case VIRTIO_INPUT_CFG_EV_BITS:
		(kind == VIRTIO_KEYBOARD ? keyboard_bits : tablet_bits)(c);
		break;
	case VIRTIO_INPUT_CFG_ABS_INFO:
		if (kind != VIRTIO_TABLET || c->subsel > ABS_Y)
			break;
		c->size = sizeof(c->u.abs);
		c->u.abs.max = FB_POINTER_MAX;
		break;
	}
}

void
input_config_written(struct virtio_dev *d, unsigned off, unsigned len)
{
	struct virtio_input_config c = {.select = d->config[0], .subsel = d->config[1]};

	(void)off, (void)len;
	fill(&c, container_of(d, struct virtio_input, dev)->kind);
	memcpy(d->config, &c, sizeof(c));
}

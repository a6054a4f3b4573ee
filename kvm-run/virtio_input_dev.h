/* SPDX-License-Identifier: ISC */
/* What the files of virtio-input share: the device (virtio_input.c), and what it says that it is (virtio_input_config.c). */
#ifndef KVM_RUN_VIRTIO_INPUT_DEV_H
#define KVM_RUN_VIRTIO_INPUT_DEV_H

#include "kvm-run/keys.h"
#include "kvm-run/virtio_input.h"

#define INPUT_QUEUE_SIZE 64
enum { INPUT_EVENTS, INPUT_STATUS }; /* 5.8.2 */

struct virtio_input {
	struct virtio_dev dev;
	enum virtio_input_kind kind;
	virtio_input_changed *changed;
	void *arg;
	bool ready;
	uint32_t leds;
	struct keys keys;		  /* of the keyboard */
	uint32_t buttons, told_buttons;	  /* of the tablet, FB_BUTTON_* */
	int32_t x, y, told_x, told_y;	  /* told_x is -1 before the first report */
};

/* The tablet's buttons: Linux' number of FB_BUTTON_ 1 << i. */
#define INPUT_BUTTONS 5
extern const uint16_t input_buttons[INPUT_BUTTONS];

/* Of the configuration space: the driver selects what it wants to read, 5.8.5. */
#define INPUT_CONFIG_SIZE 136
void input_config_written(struct virtio_dev *d, unsigned off, unsigned len);

#endif

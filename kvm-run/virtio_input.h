/* SPDX-License-Identifier: ISC */
/* virtio-input (virtio 1.2, 5.8): a keyboard, and a tablet whose pointer is exactly where it was put. */
#ifndef KVM_RUN_VIRTIO_INPUT_H
#define KVM_RUN_VIRTIO_INPUT_H

#include <stddef.h>

#include "common/fb.h"
#include "kvm-run/virtio.h"

struct virtio_input;

enum virtio_input_kind { VIRTIO_KEYBOARD, VIRTIO_TABLET };

/* Called on the I/O thread whenever the driver has started or stopped, or has set the keyboard's lights (FB_LED_*). */
typedef void virtio_input_changed(void *arg, enum virtio_input_kind kind, bool ready, uint32_t leds);

/* Makes and plugs one. NULL, or the reason. The device's id is "keyboard" or "tablet". */
const char *virtio_input_create(struct vm *vm, enum virtio_input_kind kind, virtio_input_changed *changed, void *arg,
    struct virtio_input **out, char *why, size_t size);

struct virtio_dev *virtio_input_dev(struct virtio_input *in);

/* What the user does, on the I/O thread. It never waits: what the guest gives no buffers for is told later, as far as it is
 * then still so; wheel steps and repeats are lost. */
void virtio_input_key(struct virtio_input *keyboard, uint8_t code, bool down);
void virtio_input_pointer(struct virtio_input *tablet, const struct fb_pointer *p);

/* All keys or buttons up. */
void virtio_input_release(struct virtio_input *in);

#endif

/* SPDX-License-Identifier: ISC */
/* Routing of keys and pointer; the contracts are in input.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/i8042.h"
#include "kvm-run/input.h"
#include "kvm-run/iothread.h"
#include "kvm-run/virtio_input.h"
#include "kvm-run/vm.h"

struct listener {
	input_state *state;
	void *arg;
};

struct input {
	struct vm *vm;
	struct i8042 ps2;
	atomic_uint ps2_leds;  /* set by vCPU threads */
	struct watch ps2_told; /* eventfd: they were */
	struct {
		struct virtio_input *dev;
		bool ready;
		uint32_t leds;
	} virtio[2]; /* by enum virtio_input_kind */
	uint32_t leds; /* as the displays were told */
	bool absolute;
	struct listener listeners[WIRES_MAX];
};

static void
tell_state(struct input *in)
{
	bool absolute = in->virtio[VIRTIO_TABLET].ready;
	uint32_t leds = in->virtio[VIRTIO_KEYBOARD].ready ? in->virtio[VIRTIO_KEYBOARD].leds : in->ps2_leds;

	if (leds == in->leds && absolute == in->absolute)
		return;
	in->leds = leds;
	in->absolute = absolute;
	for (size_t i = 0; i < WIRES_MAX; i++)
		if (in->listeners[i].state)
			in->listeners[i].state(in->listeners[i].arg, leds, absolute);
}

static void
on_ps2_told(struct watch *w, uint32_t events)
{
	eventfd_t n;

	(void)events;
	eventfd_read(w->fd, &n);
	tell_state(container_of(w, struct input, ps2_told));
}

/* On a vCPU thread: the displays are told on theirs. */
static void
ps2_leds(void *arg, uint32_t leds)
{
	struct input *in = arg;

	if (atomic_exchange(&in->ps2_leds, leds) != leds)
		eventfd_write(in->ps2_told.fd, 1);
}

/* What is held on the one keyboard, or mouse, is let go of when the other's turn begins. */
static void
on_virtio_changed(void *arg, enum virtio_input_kind kind, bool ready, uint32_t leds)
{
	struct input *in = arg;

	if (ready && !in->virtio[kind].ready)
		i8042_release(&in->ps2);
	in->virtio[kind].ready = ready;
	in->virtio[kind].leds = leds;
	tell_state(in);
}

void
input_key(struct input *in, unsigned code, bool down)
{
	if (in->virtio[VIRTIO_KEYBOARD].ready)
		virtio_input_key(in->virtio[VIRTIO_KEYBOARD].dev, (uint8_t)code, down);
	else
		i8042_key(&in->ps2, (uint8_t)code, down);
}

void
input_pointer(struct input *in, const struct fb_pointer *p)
{
	struct fb_pointer still = *p;

	if (p->absolute && in->virtio[VIRTIO_TABLET].ready) {
		i8042_move(&in->ps2, &(struct fb_pointer){0});
		virtio_input_pointer(in->virtio[VIRTIO_TABLET].dev, p);
		return;
	}
	if (in->virtio[VIRTIO_TABLET].ready)
		virtio_input_release(in->virtio[VIRTIO_TABLET].dev);
	if (p->absolute)
		still.x = still.y = 0;
	i8042_move(&in->ps2, &still);
}

void
input_release(struct input *in)
{
	i8042_release(&in->ps2);
	for (size_t i = 0; i < ARRAY_LEN(in->virtio); i++)
		if (in->virtio[i].ready)
			virtio_input_release(in->virtio[i].dev);
}

/* The one of that argument; with NULL a free place: there are as many as wires. */
static struct listener *
find_listener(struct input *in, const void *arg)
{
	struct listener *l = in->listeners;

	while (l < in->listeners + WIRES_MAX - 1 && l->arg != arg)
		l++;
	return l;
}

void
input_listen(struct input *in, input_state *state, void *arg)
{
	struct listener *l = find_listener(in, state ? NULL : arg);

	*l = (struct listener){state, state ? arg : NULL};
	if (state)
		state(arg, in->leds, in->absolute);
}

const char *
input_create(struct vm *vm, char *why, size_t size)
{
	struct input *in = calloc(1, sizeof(*in));

	if (!in)
		return strerror(ENOMEM);
	in->vm = vm;
	in->ps2_told = (struct watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .handler = on_ps2_told};
	if (in->ps2_told.fd < 0) {
		snprintf(why, size, "%s", strerror(errno));
		free(in);
		return why;
	}
	in->ps2.leds = ps2_leds;
	in->ps2.arg = in;
	i8042_init(&in->ps2, vm);
	vm->input = in;
	return NULL;
}

static void
watch_ps2(void *arg)
{
	struct input *in = arg;

	loop_watch(&in->vm->io->loop, &in->ps2_told, EPOLLIN);
}

const char *
input_add_devices(struct vm *vm, char *why, size_t size)
{
	struct input *in = vm->input;
	const char *reason = NULL;

	iothread_call(vm->io, watch_ps2, in);
	for (unsigned kind = 0; kind < ARRAY_LEN(in->virtio) && !reason; kind++) {
		struct vm_device *d = &vm->devices[vm->ndevices];

		reason = virtio_input_create(vm, kind, on_virtio_changed, in, &in->virtio[kind].dev, why, size);
		if (reason)
			break;
		*d = (struct vm_device){.kind = WIRE_FB, .virtio = virtio_input_dev(in->virtio[kind].dev)};
		memcpy(d->id, d->virtio->id, sizeof(d->id));
		vm->ndevices++;
	}
	return reason;
}

void
input_reset(struct input *in)
{
	i8042_reset(&in->ps2);
}

static void
unwatch_ps2(void *arg)
{
	loop_unwatch(&((struct input *)arg)->ps2_told);
}

void
input_destroy(struct input *in)
{
	iothread_call(in->vm->io, unwatch_ps2, in);
	close(in->ps2_told.fd);
	free(in);
}

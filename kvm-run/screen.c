/* SPDX-License-Identifier: ISC */
/* The machine's end of an fb wire; the contracts are in screen.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/timer.h"
#include "common/util.h"
#include "kvm-run/input.h"
#include "kvm-run/iothread.h"
#include "kvm-run/screen.h"
#include "kvm-run/screen_damage.h"
#include "kvm-run/vm.h"

/* Milliseconds. While nothing changes looks become rarer, down to LOOK_IDLE; a key or a pointer makes them fast again. */
#define LOOK_SOON 1 /* the first look after input, from where looks become rarer, too */
#define LOOK_FAST 16
#define LOOK_IDLE 128
#define LOOK_EAGER 500	/* after input: its effect is waited for */
#define ASK_PAUSE 2000	/* with no new question so long, nobody looks */
#define MESSAGES_MAX 32 /* of one turn: others have theirs then */

struct screen {
	struct vm *vm;
	const struct screen_ops *ops;
	void *dev;
	const char *id;
	struct watch watch;
	struct timer timer; /* the next look, or answer; or the end of ASK_PAUSE */
	int64_t looked, interval, last_input, last_ask;
	bool watched, asked, ask_all;
	struct fb_mode mode; /* what was last said of the picture; the memory is the device's */
	int memory_fd;
	bool told_mode, told_cursor, told_shape, told_state; /* the display knows them */
	struct fb_state state;
	struct fb_cursor cursor;
	struct screen_damage damage;
	union fb_message in;
};

static bool
connected(const struct screen *s)
{
	return s->watch.events;
}

static void
set_watched(struct screen *s, bool on)
{
	if (s->watched != on && s->ops->watched)
		s->ops->watched(s->dev, on);
	s->watched = on;
}

/* The display is gone; the machine goes on. */
static void
hang_up(struct screen *s)
{
	if (!connected(s))
		return;
	loop_unwatch(&s->watch);
	timer_set(&s->timer, TIMER_NEVER);
	shutdown(s->watch.fd, SHUT_RDWR);
	set_watched(s, false);
	input_release(s->vm->input);
}

/* Sends m unless the socket is full: then later, when there is room, see on_socket(). */
static bool
put(struct screen *s, const void *m, int fd)
{
	if (fb_send(s->watch.fd, m, fd) == 0)
		return true;
	if (errno == EAGAIN)
		loop_watch(s->watch.loop, &s->watch, EPOLLIN | EPOLLOUT);
	else if (errno != EPIPE && errno != ECONNRESET) /* who has gone may have typed something before: see on_socket() */
		hang_up(s);
	return false;
}

static bool
put_mode(struct screen *s)
{
	/* A second one only for who asks: a guest that changes modes all the time must not fill the socket with descriptors. */
	if (!s->told_mode)
		s->told_mode = put(s, &s->mode, s->mode.size ? s->memory_fd : -1);
	return s->told_mode;
}

static bool
put_cursor(struct screen *s)
{
	if (s->told_cursor && s->told_shape)
		return true;
	s->cursor.flags &= FB_CURSOR_SHOWN;
	if (!s->told_shape && s->cursor.width)
		s->cursor.flags |= FB_CURSOR_SHAPE;
	if (!put(s, &s->cursor, -1))
		return false;
	s->told_cursor = s->told_shape = true;
	return true;
}

static bool
put_state(struct screen *s)
{
	if (!s->told_state)
		s->told_state = put(s, &s->state, -1);
	return s->told_state;
}

static void
put_damage(struct screen *s)
{
	struct fb_damage m = {.kind = FB_DAMAGE, .count = s->damage.n};

	if (!s->asked || (!s->damage.n && !s->ask_all))
		return;
	memcpy(m.rects, s->damage.rects, s->damage.n * sizeof(m.rects[0]));
	if (!put(s, &m, -1))
		return;
	s->damage.n = 0;
	s->asked = s->ask_all = false;
}

/* Says what the display is to know and does not yet; in this order, so that it knows the picture that has changed. */
static void
tell(struct screen *s)
{
	if (connected(s) && put_state(s) && put_cursor(s) && s->asked && put_mode(s))
		put_damage(s);
}

/* When to look again, or that nobody asks any more. */
static void
plan(struct screen *s, int64_t now)
{
	if (!connected(s))
		return;
	if (!s->asked)
		timer_set(&s->timer, s->watched ? s->last_ask + ASK_PAUSE : TIMER_NEVER);
	else if (s->ops->refresh || s->damage.n || !s->told_mode)
		timer_set(&s->timer, s->looked + s->interval);
	else
		timer_set(&s->timer, TIMER_NEVER); /* until the device has news */
	if (!s->asked && now >= s->last_ask + ASK_PAUSE)
		set_watched(s, false);
}

static void
damage_all(struct screen *s)
{
	s->damage.n = 0;
	if (s->mode.width)
		damage_add(&s->damage, (struct fb_rect){0, 0, (uint16_t)s->mode.width, (uint16_t)s->mode.height});
}

static void
look(struct screen *s, int64_t now)
{
	s->looked = now;
	if (s->ops->refresh)
		s->ops->refresh(s->dev);
	if (s->ask_all)
		damage_all(s);
	s->interval = s->damage.n ? LOOK_FAST : s->interval * 2;
	if (s->interval > LOOK_FAST && now < s->last_input + LOOK_EAGER)
		s->interval = LOOK_FAST;
	if (s->interval > LOOK_IDLE)
		s->interval = LOOK_IDLE;
	tell(s);
}

static void
on_timer(struct timer *t)
{
	struct screen *s = container_of(t, struct screen, timer);
	int64_t now = timer_now();

	if (s->asked)
		look(s, now);
	plan(s, now);
}

static void
on_ask(struct screen *s, const struct fb_ask *m)
{
	s->last_ask = timer_now();
	s->asked = true;
	s->ask_all |= m->flags & FB_ASK_ALL;
	if (s->ask_all)
		s->interval = LOOK_FAST;
	set_watched(s, true);
	plan(s, s->last_ask);
}

/* Something is about to change, most likely. */
static void
on_input(struct screen *s)
{
	s->last_input = timer_now();
	s->interval = LOOK_SOON;
	plan(s, s->last_input);
}

static void
on_message(struct screen *s, const union fb_message *m)
{
	switch (m->kind) {
	case FB_ASK:
		on_ask(s, &m->ask);
		break;
	case FB_KEY:
		on_input(s);
		input_key(s->vm->input, m->key.code, m->key.down);
		break;
	case FB_POINTER:
		on_input(s);
		input_pointer(s->vm->input, &m->pointer);
		break;
	case FB_RESIZE:
		if (s->ops->resize)
			s->ops->resize(s->dev, m->resize.width, m->resize.height);
		break;
	}
}

static void
on_socket(struct watch *w, uint32_t events)
{
	struct screen *s = container_of(w, struct screen, watch);
	const char *why = NULL;
	ssize_t len = 1;
	int fd;

	if (events & EPOLLOUT) {
		loop_watch(w->loop, w, EPOLLIN);
		tell(s);
		plan(s, timer_now());
	}
	for (unsigned i = 0; i < MESSAGES_MAX && connected(s); i++) {
		len = fb_recv(w->fd, false, &s->in, &fd, &why);
		if (len < 0 && errno == ECONNRESET) /* it went without reading all; what it sent is still there */
			continue;
		if (len <= 0)
			break;
		on_message(s, &s->in);
	}
	if (len > 0 || (len < 0 && (errno == EAGAIN || errno == ECONNRESET)))
		return;
	if (len < 0 && errno == EBADMSG)
		warn("%s: the display sent %s: it is shown nothing any more", s->id, why);
	hang_up(s);
}

/* Of the lights, and whether there is an absolute pointer. */
static void
on_state(void *arg, uint32_t leds, bool absolute)
{
	struct screen *s = arg;

	s->state = (struct fb_state){FB_STATE, leds, absolute};
	s->told_state = false;
	tell(s);
}

static void
start(void *arg)
{
	struct screen *s = arg;

	loop_watch(&s->vm->io->loop, &s->watch, EPOLLIN);
	input_listen(s->vm->input, on_state, s);
}

const char *
screen_create(struct vm *vm, const struct wire *w, const struct screen_ops *ops, void *dev, struct screen **out)
{
	struct screen *s = calloc(1, sizeof(*s));

	if (!s)
		return strerror(errno);
	*s = (struct screen){.vm = vm, .ops = ops, .dev = dev, .id = w->id, .interval = LOOK_FAST, .told_cursor = true,
	    .told_shape = true, .mode.kind = FB_MODE, .memory_fd = -1};
	s->watch = (struct watch){.fd = w->fds[0], .handler = on_socket};
	if (!fd_set_nonblock(w->fds[0], true) || timer_init(&s->timer, &vm->io->loop, on_timer) < 0) {
		free(s);
		return strerror(errno);
	}
	*out = s; /* a display may ask at once */
	iothread_call(vm->io, start, s);
	return NULL;
}

static void
stop(void *arg)
{
	struct screen *s = arg;

	hang_up(s);
	input_listen(s->vm->input, NULL, s);
	timer_done(&s->timer);
}

void
screen_destroy(struct screen *s)
{
	iothread_call(s->vm->io, stop, s);
	free(s);
}

void
screen_mode(struct screen *s, const struct fb_mode *m, int fd)
{
	bool first = s->memory_fd < 0;

	s->mode = *m;
	s->mode.kind = FB_MODE;
	s->memory_fd = fd;
	s->told_mode = false;
	damage_all(s);
	if (first && connected(s))
		put_mode(s);
	plan(s, timer_now());
}

void
screen_damage(struct screen *s, uint32_t x, uint32_t y, uint32_t width, uint32_t height)
{
	if (x >= s->mode.width || y >= s->mode.height || !width || !height)
		return;
	if (width > s->mode.width - x)
		width = s->mode.width - x;
	if (height > s->mode.height - y)
		height = s->mode.height - y;
	damage_add(&s->damage, (struct fb_rect){(uint16_t)x, (uint16_t)y, (uint16_t)width, (uint16_t)height});
	if (!s->ops->refresh)
		plan(s, timer_now());
}

void
screen_cursor(struct screen *s, const struct fb_cursor *c)
{
	size_t head = offsetof(struct fb_cursor, pixels);

	if (c->flags & FB_CURSOR_SHAPE) {
		memcpy(&s->cursor, c, head + sizeof(c->pixels[0]) * c->width * c->height);
		s->told_shape = false;
	} else {
		s->cursor.flags = c->flags;
		s->cursor.x = c->x;
		s->cursor.y = c->y;
	}
	s->cursor.kind = FB_CURSOR;
	s->told_cursor = false;
	tell(s);
}

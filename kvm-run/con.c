/* SPDX-License-Identifier: ISC */
/* Console backend: input, escapes; the output side is con_out.c. The contracts are in con.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/util.h"
#include "kvm-run/con.h"
#include "kvm-run/con_out.h"
#include "kvm-run/tty.h"
#include "kvm-run/vm.h"

#define ESCAPE 1 /* Ctrl-A */

static const char help[] = "\r\n"
			   "Ctrl-A x   end the guest at once\r\n"
			   "Ctrl-A b   send a break\r\n"
			   "Ctrl-A z   stop kvm-run, and the guest with it; fg or bg goes on\r\n"
			   "Ctrl-A h   this help\r\n"
			   "Ctrl-A Ctrl-A   send one Ctrl-A\r\n";

struct con {
	char id[32];
	struct vm *vm;
	const struct con_front *front;
	void *dev;
	int in; /* -1 at its end */
	bool tty;
	bool always; /* a regular file, /dev/null: always readable, unknown to epoll */
	bool escaped; /* the last key was Ctrl-A */
	struct watch input;
	struct watch wake; /* eventfd: room in the guest, or a change of the terminal */
	struct watch look; /* timerfd: while in the background, is it the foreground now? A shell's fg does not tell */
	atomic_bool starved; /* the front refused something */
	unsigned cols, rows;
	size_t start, end; /* of what the guest has not taken yet */
	uint8_t buf[CON_IN_MAX];
	struct con_out out;
};

void
con_write(struct con *c, const void *data, size_t len)
{
	con_out_put(&c->out, data, len);
}

static void
wake(struct con *c)
{
	eventfd_write(c->wake.fd, 1);
}

void
con_room(struct con *c)
{
	if (atomic_load_explicit(&c->starved, memory_order_relaxed) && atomic_exchange(&c->starved, false))
		wake(c);
}

/* Gives the guest what it takes. Refused, it is asked once more after `starved` is seen: room may have come in between. */
static void
deliver(struct con *c)
{
	for (int i = 0; i < 2 && c->start < c->end; i++) {
		c->start += c->front->input(c->dev, c->buf + c->start, c->end - c->start);
		atomic_store(&c->starved, c->start < c->end);
	}
	if (c->start == c->end)
		c->start = c->end = 0;
}

static void
input_ended(struct con *c)
{
	loop_unwatch(&c->input);
	if (c->tty)
		tty_forget(c->in);
	c->in = -1;
	note(1, "%s: end of input", c->id);
}

/* A key after Ctrl-A. */
static void
escape(struct con *c, uint8_t key)
{
	switch (key) {
	case 'x':
		vm_end(c->vm, VM_QUIT);
		break;
	case 'h':
	case '?':
		con_write(c, help, sizeof(help) - 1);
		break;
	case 'b':
		if (c->front->send_break)
			c->front->send_break(c->dev);
		break;
	case 'z':
		kill(0, SIGTSTP);
		break;
	case ESCAPE:
		c->buf[c->end++] = key;
		break;
	}
}

/* Takes the escapes out of n bytes of keys that were read to the end of the buffer. */
static void
filter(struct con *c, size_t n)
{
	const uint8_t *p = c->buf + c->end;

	for (const uint8_t *stop = p + n; p < stop; p++) {
		if (c->escaped) {
			c->escaped = false;
			escape(c, *p);
		} else if (*p == ESCAPE) {
			c->escaped = true;
		} else {
			c->buf[c->end++] = *p;
		}
	}
}

/* Reads what fits. Keys are read even when the guest takes none, since Ctrl-A x must work then: one byte is kept for them. */
static void
fill(struct con *c, bool hangup)
{
	size_t room = sizeof(c->buf) - c->end;
	ssize_t n;

	if (c->start && room < sizeof(c->buf) / 2) {
		memmove(c->buf, c->buf + c->start, c->end - c->start);
		c->end -= c->start;
		c->start = 0;
		room = sizeof(c->buf) - c->end;
	}
	if (!room) {
		c->end--; /* a terminal's newest key gives way */
		room = 1;
	}
	n = read(c->in, c->buf + c->end, room);
	if (n > 0 && c->tty)
		filter(c, n);
	else if (n > 0)
		c->end += n;
	else if (n < 0 ? errno != EAGAIN && errno != EINTR : !c->tty || hangup)
		input_ended(c);
}

static void
look_again(struct con *c, bool later)
{
	const struct itimerspec its = {.it_value.tv_sec = later};

	timerfd_settime(c->look.fd, 0, &its, NULL);
}

/* Decides whether to listen: while the guest takes input, and to a terminal always, but only in its foreground. */
static void
update(struct con *c)
{
	deliver(c);
	if (c->always && c->in >= 0 && c->start == c->end) {
		fill(c, false);
		deliver(c);
		if (c->in >= 0 && c->start == c->end)
			wake(c); /* a file may be endless, as /dev/zero is: signals and ctl have their turn */
	}
	if (c->in < 0 || c->always)
		return;
	if (c->tty && !tty_raw(c->in, c->wake.fd)) {
		loop_unwatch(&c->input);
		look_again(c, true);
	} else {
		loop_watch(&c->vm->loop, &c->input, c->tty || c->start == c->end ? EPOLLIN : 0);
	}
}

/* Terminals only; the wake of con_open makes it known from the start. */
static void
tell_size(struct con *c)
{
	struct winsize ws;

	if (!c->front->resize || !c->tty || c->in < 0 || ioctl(c->in, TIOCGWINSZ, &ws) < 0 ||
	    (ws.ws_col == c->cols && ws.ws_row == c->rows))
		return;
	c->cols = ws.ws_col;
	c->rows = ws.ws_row;
	c->front->resize(c->dev, c->cols, c->rows);
}

static void
on_input(struct watch *w, uint32_t events)
{
	struct con *c = container_of(w, struct con, input);

	/* A pipe's writers are gone: a read could wait for the next one of a fifo. */
	if (events & EPOLLIN)
		fill(c, events & (EPOLLHUP | EPOLLERR));
	else
		input_ended(c);
	update(c);
}

static void
on_wake(struct watch *w, uint32_t events)
{
	struct con *c = container_of(w, struct con, wake);
	uint64_t n;

	(void)events;
	if (read(w->fd, &n, sizeof(n)) < 0)
		return;
	tell_size(c);
	update(c);
}

static void
on_look(struct watch *w, uint32_t events)
{
	struct con *c = container_of(w, struct con, look);

	(void)events;
	look_again(c, false);
	update(c);
}

static int
accmode(int fd)
{
	int fl = fcntl(fd, F_GETFL);

	return fl < 0 ? -1 : fl & O_ACCMODE;
}

/* Input of a terminal needs a timer, and a regular file must not be given to epoll. */
static int
watch_input(struct con *c)
{
	int err = loop_watch(&c->vm->loop, &c->input, EPOLLIN);

	loop_unwatch(&c->input); /* update() decides, when the loop runs */
	c->always = err == -EPERM;
	if (c->always)
		return 0;
	if (err || !c->tty)
		return err;
	c->look.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	return c->look.fd < 0 ? -errno : loop_watch(&c->vm->loop, &c->look, EPOLLIN);
}

static void
unwatch(struct con *c)
{
	loop_unwatch(&c->input);
	loop_unwatch(&c->wake);
	loop_unwatch(&c->look);
	if (c->wake.fd >= 0)
		close(c->wake.fd);
	if (c->look.fd >= 0)
		close(c->look.fd);
}

const char *
con_open(struct con **out, struct vm *vm, const struct wire *w, const struct con_front *front, void *dev, char *why,
    size_t size)
{
	int in = w->fds[0], outfd = w->fds[w->nfds - 1], err;
	struct con *c = calloc(1, sizeof(*c));

	if (!c)
		return strerror(ENOMEM);
	memcpy(c->id, w->id, sizeof(c->id));
	c->vm = vm;
	c->front = front;
	c->dev = dev;
	c->in = accmode(in) == O_WRONLY ? -1 : in;
	c->tty = isatty(in);
	c->input = (struct watch){.fd = in, .handler = on_input};
	c->look = (struct watch){.fd = -1, .handler = on_look};
	c->wake = (struct watch){.fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC), .handler = on_wake};
	err = c->wake.fd < 0 ? -errno : loop_watch(&vm->loop, &c->wake, EPOLLIN);
	if (!err && c->in >= 0)
		err = watch_input(c);
	if (!err)
		err = con_out_start(&c->out, c->id, accmode(outfd) == O_RDONLY ? -1 : outfd);
	if (err) {
		unwatch(c);
		free(c);
		snprintf(why, size, "%s", strerror(-err));
		return why;
	}
	*out = c;
	return NULL;
}

void
con_close(struct con *c)
{
	if (!c)
		return;
	unwatch(c);
	if (c->tty && c->in >= 0)
		tty_forget(c->in);
	if (con_out_stop(&c->out))
		free(c);
}

/* SPDX-License-Identifier: ISC */
/* Control connections: lines in, answers out; the contracts are in ctl.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/util.h"
#include "kvm-run/con_out.h"
#include "kvm-run/ctl.h"
#include "kvm-run/hotplug.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

#define LISTENERS_MAX 8

struct ctl_answer {
	size_t len, sent;
	char buf[CTL_ANSWER_MAX];
};

struct client {
	struct client *next;
	struct ctl *ctl;
	struct watch io; /* of the input; of the output too if that is the same socket */
	bool socket;	 /* input is one */
	bool again;	 /* after the end of input others may come: a fifo, a terminal */
	bool ended;	 /* the end of input was seen */
	struct con_out *out; /* of a wire that is not one socket: may block, so it has a thread */
	int fds[FD_PASS_MAX]; /* that came and belong to the next request */
	size_t nfds;
	size_t len;
	bool skipping; /* the rest of a line that was too long */
	char line[CTL_LINE_MAX];
	bool waiting; /* for the guest to eject slot */
	unsigned slot, patience;
	char refusal[256];
	struct ctl_answer answer;
};

struct ctl {
	struct vm *vm;
	struct watch listeners[LISTENERS_MAX];
	unsigned nlisteners;
	struct client *clients;
	unsigned nclients;
	atomic_uint ejected; /* slots, from vCPU threads */
	struct watch eject;  /* eventfd */
	struct watch tick;   /* timerfd, once a second while somebody waits */
};

void
ctl_print(struct ctl_answer *a, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(a->buf + a->len, sizeof(a->buf) - a->len, fmt, ap);
	va_end(ap);
	a->len += (size_t)n < sizeof(a->buf) - a->len ? (size_t)n : sizeof(a->buf) - a->len - 1;
}

static void
close_fds(struct client *k)
{
	for (size_t i = 0; i < k->nfds; i++)
		close(k->fds[i]);
	k->nfds = 0;
}

static void
update_listeners(struct ctl *c)
{
	for (unsigned i = 0; i < c->nlisteners; i++)
		loop_watch(&c->vm->loop, &c->listeners[i], c->nclients < CTL_CLIENTS_MAX ? EPOLLIN : 0);
}

static void
drop(struct client *k)
{
	struct ctl *c = k->ctl;
	struct client **p = &c->clients;

	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	c->nclients--;
	loop_unwatch(&k->io);
	close_fds(k);
	close(k->io.fd);
	if (!k->out || con_out_stop(k->out)) {
		free(k->out);
		free(k);
	}
	update_listeners(c);
}

/* Sends what can be sent without waiting. False when the client is gone. */
static bool
flush(struct client *k)
{
	struct ctl_answer *a = &k->answer;

	if (k->out) {
		con_out_put(k->out, a->buf, a->len);
		a->sent = a->len;
	}
	while (a->sent < a->len) {
		ssize_t n = send(k->io.fd, a->buf + a->sent, a->len - a->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return errno == EAGAIN;
		a->sent += n > 0 ? (size_t)n : 0;
	}
	a->len = a->sent = 0;
	return true;
}

static void
finish(struct client *k, bool ok, const char *text)
{
	ctl_print(&k->answer, "%s%s%s\n", ok ? "ok" : "no", *text ? " " : "", text);
}

static void
set_tick(struct ctl *c)
{
	struct itimerspec its = {0};

	for (const struct client *k = c->clients; k; k = k->next)
		if (k->waiting)
			its.it_value.tv_sec = its.it_interval.tv_sec = 1;
	timerfd_settime(c->tick.fd, 0, &its, NULL);
}

static void
do_line(struct client *k, char *line)
{
	struct ctl_request r = {.vm = k->ctl->vm, .answer = &k->answer, .fds = k->fds, .nfds = k->nfds};
	enum ctl_done done = ctl_request(&r, line);

	if (r.fds_taken)
		k->nfds = 0;
	close_fds(k);
	if (done != CTL_WAIT) {
		finish(k, done == CTL_OK, r.text);
		return;
	}
	k->waiting = true;
	k->slot = r.slot;
	k->patience = CTL_EJECT_SECONDS;
	memcpy(k->refusal, r.text, sizeof(k->refusal));
	set_tick(k->ctl);
}

/* Takes the first line out of what was read and does it. False when there is no whole line. */
static bool
next_line(struct client *k)
{
	char line[CTL_LINE_MAX + 1], *end = memchr(k->line, '\n', k->len);
	size_t len = end ? (size_t)(end - k->line) : k->len, taken = len + (end ? 1 : 0);
	bool skipped = k->skipping;

	if (k->ended && !k->len)
		k->skipping = false;
	if (!end && k->len < sizeof(k->line) && !(k->ended && k->len))
		return false;
	memcpy(line, k->line, len);
	line[len] = '\0';
	k->len -= taken;
	memmove(k->line, k->line + taken, k->len);
	k->skipping = !end && !k->ended;
	if (skipped)
		return true;
	if (k->skipping)
		finish(k, false, "line too long");
	else
		do_line(k, line);
	return true;
}

/* Does what is there to be done: the next request only when the answer to the last one is out. */
static void
serve(struct client *k)
{
	uint32_t events;

	do {
		if (!flush(k)) {
			drop(k);
			return;
		}
	} while (!k->answer.len && !k->waiting && next_line(k));
	if (k->ended && !k->answer.len && !k->waiting && !k->again) {
		drop(k);
		return;
	}
	events = k->answer.len ? EPOLLOUT : k->waiting ? 0 : EPOLLIN;
	/* The hang-up of a fifo lasts until the next writer comes: to be told of changes only. */
	loop_watch(&k->ctl->vm->loop, &k->io, events | (events && k->ended && k->again ? (uint32_t)EPOLLET : 0));
}

/* One read of what poll(2) promised. */
static ssize_t
receive(struct client *k)
{
	char *to = k->line + k->len;
	size_t room = sizeof(k->line) - k->len, n = FD_PASS_MAX;
	int fds[FD_PASS_MAX];
	ssize_t got;

	if (!k->socket)
		return read(k->io.fd, to, room);
	got = fd_recv(k->io.fd, to, room, fds, &n);
	if (got >= 0 && n) { /* those of an earlier line were not asked for */
		close_fds(k);
		memcpy(k->fds, fds, n * sizeof(*fds));
		k->nfds = n;
	}
	return got;
}

static void
on_client(struct watch *w, uint32_t events)
{
	struct client *k = container_of(w, struct client, io);
	ssize_t n = 0;

	if (!k->answer.len && !k->waiting) {
		if (events & EPOLLIN)
			n = receive(k);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n < 0) {
			drop(k);
			return;
		}
		k->len += (size_t)n;
		k->ended = !n;
	}
	serve(k);
}

static struct client *
new_client(struct ctl *c, int fd, bool socket)
{
	struct client *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	k->ctl = c;
	k->socket = socket;
	k->io = (struct watch){.fd = fd, .handler = on_client};
	k->next = c->clients;
	c->clients = k;
	c->nclients++;
	return k;
}

static void
on_listener(struct watch *w, uint32_t events)
{
	struct ctl *c = container_of(w->loop, struct vm, loop)->ctl;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *k;

	(void)events;
	if (fd < 0)
		return;
	k = new_client(c, fd, true);
	if (k)
		serve(k);
	else
		close(fd);
	update_listeners(c);
}

static void
on_eject(struct vm *vm, uint32_t slots)
{
	const uint64_t one = 1;

	atomic_fetch_or(&vm->ctl->ejected, slots);
	if (write(vm->ctl->eject.fd, &one, sizeof(one)) < 0) {
		/* only when 2^64 wakeups are pending */
	}
}

/* Answers those who wait for a slot that is empty, and, at a tick, those who waited long enough. */
static void
answer_waiting(struct ctl *c, unsigned tick)
{
	struct client *next;

	for (struct client *k = c->clients; k; k = next) {
		bool gone = k->waiting && !hotplug_occupied(c->vm, k->slot);

		next = k->next;
		if (!k->waiting)
			continue;
		k->patience -= tick;
		if (!gone && k->patience)
			continue;
		k->waiting = false;
		finish(k, gone, gone ? "" : k->refusal);
		serve(k);
	}
	set_tick(c);
}

static void
on_ejected(struct watch *w, uint32_t events)
{
	struct ctl *c = container_of(w, struct ctl, eject);
	uint64_t n;

	(void)events;
	if (read(w->fd, &n, sizeof(n)) < 0)
		return;
	hotplug_remove(c->vm, atomic_exchange(&c->ejected, 0));
	answer_waiting(c, 0);
}

static void
on_tick(struct watch *w, uint32_t events)
{
	struct ctl *c = container_of(w, struct ctl, tick);
	uint64_t n;

	(void)events;
	if (read(w->fd, &n, sizeof(n)) == sizeof(n))
		answer_waiting(c, 1);
}

static bool
is_socket(int fd)
{
	int type;
	socklen_t len = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
}

static int
add_listener(struct ctl *c, int fd)
{
	struct watch *w = &c->listeners[c->nlisteners];

	if (c->nlisteners == LISTENERS_MAX)
		return -E2BIG;
	c->nlisteners++;
	*w = (struct watch){.fd = fd, .handler = on_listener};
	return loop_watch(&c->vm->loop, w, EPOLLIN);
}

static int
add_wire(struct ctl *c, const struct wire *w)
{
	int out = w->fds[w->nfds - 1], err = 0;
	bool socket = is_socket(w->fds[0]);
	struct client *k;

	if (wiring_as(&c->vm->wires, w) == AS_LISTEN)
		return add_listener(c, w->fds[0]);
	k = new_client(c, w->fds[0], socket);
	if (!k)
		return -ENOMEM;
	k->again = !socket;
	if (!socket || w->nfds > 1) {
		k->out = calloc(1, sizeof(*k->out));
		err = k->out ? con_out_start(k->out, w->id, out) : -ENOMEM;
	}
	return err ? err : loop_watch(&c->vm->loop, &k->io, EPOLLIN);
}

static int
add_event(struct ctl *c, struct watch *w, int fd, void (*handler)(struct watch *w, uint32_t events))
{
	*w = (struct watch){.fd = fd, .handler = handler};
	return fd < 0 ? -errno : loop_watch(&c->vm->loop, w, EPOLLIN);
}

const char *
ctl_create(struct vm *vm, char *why, size_t size)
{
	struct ctl *c = calloc(1, sizeof(*c));
	const char *what = "ctl";
	int err = c ? 0 : -ENOMEM;

	if (!err) {
		c->vm = vm;
		vm->ctl = c;
		vm->lpc->eject = on_eject;
		err = add_event(c, &c->eject, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), on_ejected);
	}
	if (!err)
		err = add_event(c, &c->tick, timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), on_tick);
	for (const struct wire *w = vm->wires.v; w < vm->wires.v + vm->wires.n && !err; w++) {
		if (!w->nfds || w->kind != WIRE_CTL)
			continue;
		what = w->id;
		err = add_wire(c, w);
	}
	if (!err)
		return NULL;
	snprintf(why, size, "%s: %s", what, strerror(-err));
	return why;
}

void
ctl_destroy(struct vm *vm)
{
	struct ctl *c = vm->ctl;

	if (!c)
		return;
	vm->lpc->eject = NULL;
	for (struct client *k = c->clients, *next; k; k = next) {
		next = k->next;
		drop(k);
	}
	for (unsigned i = 0; i < c->nlisteners; i++) {
		loop_unwatch(&c->listeners[i]);
		close(c->listeners[i].fd);
	}
	loop_unwatch(&c->eject);
	loop_unwatch(&c->tick);
	close(c->eject.fd);
	close(c->tick.fd);
	free(c);
	vm->ctl = NULL;
}

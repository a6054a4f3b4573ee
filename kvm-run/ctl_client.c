/* SPDX-License-Identifier: ISC */
/* One control connection: lines in, answers out; the contracts are in ctl_client.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/con_out.h"
#include "kvm-run/ctl_client.h"
#include "kvm-run/vm.h"

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

void
ctl_drop(struct client *k)
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
	ctl_listen(c);
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

void
ctl_finish(struct client *k, bool ok, const char *text)
{
	ctl_print(&k->answer, "%s%s%s\n", ok ? "ok" : "no", *text ? " " : "", text);
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
		ctl_finish(k, done == CTL_OK, r.text);
		return;
	}
	k->waiting = true;
	k->wait = r.wait;
	memcpy(k->refusal, r.text, sizeof(k->refusal));
	ctl_set_tick(k->ctl);
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
		ctl_finish(k, false, "line too long");
	else
		do_line(k, line);
	return true;
}

void
ctl_serve(struct client *k)
{
	uint32_t events;

	do {
		if (!flush(k)) {
			ctl_drop(k);
			return;
		}
	} while (!k->answer.len && !k->waiting && next_line(k));
	if (k->ended && !k->answer.len && !k->waiting && !k->again) {
		ctl_drop(k);
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
			ctl_drop(k);
			return;
		}
		k->len += (size_t)n;
		k->ended = !n;
	}
	ctl_serve(k);
}

struct client *
ctl_new_client(struct ctl *c, int fd, bool socket)
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

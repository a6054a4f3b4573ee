/* SPDX-License-Identifier: ISC */
/* The viewers' processes, seen from their parent. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/util.h"
#include "vm-vnc/hub_dev.h"
#include "vm-vnc/viewer.h"

static union fb_message message; /* one at a time */

/* Where its keys are down, they go up: nobody else will let go of them. */
static void
let_go(struct member *m)
{
	for (unsigned code = 1; code < 256; code++)
		if (m->down[code / 8] & 1u << code % 8)
			machine_key(m->hub, (uint8_t)code, false);
	if (m->buttons) {
		message.pointer = (struct fb_pointer){.kind = FB_POINTER};
		machine_tell(m->hub, &message);
	}
}

void
members_drop(struct member *m)
{
	note(1, "viewer %u (%s) has gone", m->id, m->address);
	loop_unwatch(&m->watch);
	close(m->watch.fd);
	m->watch.fd = -1;
	let_go(m);
}

/* False when its socket is full: then it is owed that. */
static bool
send_to(struct member *m, const union fb_message *what, int fd)
{
	if (fb_send(m->watch.fd, what, fd) == 0)
		return true;
	if (errno != EAGAIN)
		loop_watch(&m->hub->loop, &m->watch, EPOLLIN); /* its end will be read */
	return false;
}

static bool
pay_one(struct member *m, unsigned what)
{
	struct hub *h = m->hub;

	switch (what) {
	case OWED_MODE:
		message.mode = h->mode;
		return send_to(m, &message, h->mode.size ? h->memfd : -1);
	case OWED_CURSOR:
		message.cursor = h->cursor;
		message.cursor.flags |= h->cursor.width ? FB_CURSOR_SHAPE : 0;
		return send_to(m, &message, -1);
	case OWED_STATE:
		message.state = h->state;
		return send_to(m, &message, -1);
	}
	message.damage = (struct fb_damage){.kind = FB_DAMAGE, .count = h->mode.width != 0};
	message.damage.rects[0] = (struct fb_rect){0, 0, (uint16_t)h->mode.width, (uint16_t)h->mode.height};
	return send_to(m, &message, -1);
}

static void
pay(struct member *m)
{
	for (unsigned what = OWED_MODE; what <= OWED_DAMAGE && m->owed; what <<= 1) {
		if (!(m->owed & what))
			continue;
		if (!pay_one(m, what)) {
			loop_watch(&m->hub->loop, &m->watch, EPOLLIN | EPOLLOUT);
			return;
		}
		m->owed &= ~what;
	}
}

static void
owe(struct member *m, unsigned what)
{
	bool owed = m->owed;

	m->owed |= what;
	if (!owed)
		pay(m);
}

void
members_tell(struct hub *h, const union fb_message *what)
{
	static const unsigned owed[] = {[FB_MODE] = OWED_MODE, [FB_DAMAGE] = OWED_DAMAGE, [FB_CURSOR] = OWED_CURSOR, [FB_STATE] = OWED_STATE};

	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		struct member *m = &h->members[i];

		if (m->watch.fd < 0 || !m->in)
			continue;
		if (what->kind == FB_DAMAGE)
			m->waits = false;
		if (what->kind == FB_MODE || (m->owed && what->kind < ARRAY_LEN(owed)))
			owe(m, owed[what->kind]);
		else if (!send_to(m, what, -1) && what->kind < ARRAY_LEN(owed))
			m->owed |= owed[what->kind];
		if (m->owed && m->watch.events)
			loop_watch(&h->loop, &m->watch, EPOLLIN | EPOLLOUT);
	}
}

/* -O share=: whether there is a place for one that would let others be (or not); others may have to go for it. */
static bool
make_place(struct member *new, bool shared)
{
	struct hub *h = new->hub;
	unsigned others = 0;
	bool alone = h->o->share == SHARE_NEWEST || (h->o->share == SHARE_ASK && !shared);

	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		struct member *m = &h->members[i];

		if (m == new || m->watch.fd < 0 || !m->in || !m->speaks_rfb)
			continue;
		if (alone)
			members_drop(m);
		else
			others++;
	}
	return h->o->share == SHARE_FIRST ? !others : others < h->o->viewers;
}

static void
let_in(struct member *m)
{
	m->in = true;
	if (m->hub->mode.kind)
		owe(m, OWED_MODE | OWED_STATE | (m->hub->cursor.kind ? OWED_CURSOR : 0));
}

/* The first message of one that speaks RFB. False when it must go. */
static bool
introduced(struct member *m)
{
	struct viewer_hello hello;

	if (recv(m->watch.fd, &hello, sizeof(hello), 0) != sizeof(hello) || hello.kind != VIEWER_HELLO)
		return false;
	if (!make_place(m, hello.shared)) {
		note(1, "viewer %u (%s) finds no place", m->id, m->address);
		return false;
	}
	let_in(m);
	return true;
}

/* Input, which only those give who may. */
static void
pass_on(struct member *m)
{
	if (m->view_only)
		return;
	if (message.kind == FB_KEY) {
		uint8_t bit = (uint8_t)(1u << message.key.code % 8), *byte = &m->down[message.key.code / 8];

		*byte = message.key.down ? *byte | bit : *byte & (uint8_t)~bit;
	} else if (message.kind == FB_POINTER) {
		m->buttons = message.pointer.buttons;
	} else if (message.kind == FB_CLIPBOARD) {
		m->hub->clipboard = message.clipboard;
	}
	machine_tell(m->hub, &message);
}

static void
spoke(struct watch *w, uint32_t events)
{
	struct member *m = container_of(w, struct member, watch);
	const char *why = NULL;
	int fd;

	if (events & EPOLLOUT) {
		loop_watch(&m->hub->loop, w, EPOLLIN);
		pay(m);
	}
	if (!(events & ~EPOLLOUT))
		return;
	if (!m->in) {
		if (!introduced(m))
			members_drop(m);
		return;
	}
	if (fb_recv(w->fd, false, &message, &fd, &why) <= 0) {
		if (why)
			warn("viewer %u sent %s", m->id, why);
		members_drop(m);
		return;
	}
	if (message.kind == FB_ASK) {
		m->waits = true;
		if (message.ask.flags & FB_ASK_ALL) { /* what was asked before is less */
			m->hub->asked_all = true;
			m->hub->asked = false;
		}
		machine_ask(m->hub);
	} else {
		pass_on(m);
	}
}

void
members_pause(struct hub *h, bool pause)
{
	for (size_t i = 0; i < MEMBERS_MAX; i++) {
		struct member *m = &h->members[i];

		if (m->watch.fd >= 0)
			loop_watch(&h->loop, &m->watch, pause ? 0 : EPOLLIN | (m->owed ? EPOLLOUT : 0));
	}
}

struct member *
members_add(struct hub *h, int channel, const struct front_guest *g)
{
	struct member *m = h->members;

	while (m < h->members + MEMBERS_MAX && m->watch.fd >= 0)
		m++;
	if (m == h->members + MEMBERS_MAX || !fd_set_nonblock(channel, true)) {
		close(channel);
		return NULL;
	}
	*m = (struct member){.watch = {.fd = channel, .handler = spoke}, .hub = h, .id = ++h->last_id, .since = timer_now()};
	if (g) {
		m->speaks_rfb = true;
		m->view_only = g->view_only || h->o->view_only;
		memcpy(m->address, g->address, sizeof(m->address));
		memcpy(m->user, g->user, sizeof(m->user));
		memcpy(m->how, g->how, sizeof(m->how));
	}
	if (loop_watch(&h->loop, &m->watch, h->held.kind ? 0 : EPOLLIN) < 0) {
		close(channel);
		m->watch.fd = -1;
		return NULL;
	}
	if (!g)
		let_in(m);
	return m;
}

static _Noreturn void
become_viewer(const struct hub *h, int rfb, int channel)
{
	struct viewer_settings settings = {.name = h->o->name, .rate = h->o->rate};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	front_forked();
	fd_close_others((const int[]){rfb, channel}, 2);
	viewer_run(rfb, channel, &settings);
}

void
members_admit(void *hub, const struct front_guest *g)
{
	struct hub *h = hub;
	int sv[2] = {-1, -1};
	pid_t pid = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) == 0)
		pid = fork();
	if (pid == 0)
		become_viewer(h, g->fd, sv[1]);
	if (pid < 0) {
		warn_sys("a viewer's process");
		close(sv[0]);
	} else if (members_add(h, sv[0], g)) {
		note(1, "viewer %u: %s (%s)", h->last_id, g->address, g->how);
	} else {
		warn("viewer %s: there are %d already", g->address, MEMBERS_MAX);
	}
	close(sv[1]);
	close(g->fd);
}

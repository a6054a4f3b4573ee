/* SPDX-License-Identifier: ISC */
/* The machine, seen from the parent. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-vnc/hub_dev.h"

static union fb_message message;

bool
machine_tell(struct hub *h, const union fb_message *m)
{
	if (h->held.kind)
		return false;
	if (fb_send(h->machine.fd, m, -1) == 0)
		return true;
	if (errno != EAGAIN)
		return false; /* its end will be read */
	memcpy(&h->held, m, fb_length(m));
	loop_watch(&h->loop, &h->machine, EPOLLIN | EPOLLOUT);
	members_pause(h, true);
	return true;
}

void
machine_key(struct hub *h, uint8_t code, bool down)
{
	message.key = (struct fb_key){FB_KEY, code, down};
	machine_tell(h, &message);
}

void
machine_ask(struct hub *h)
{
	bool waits = false;

	for (size_t i = 0; i < MEMBERS_MAX; i++)
		waits |= h->members[i].watch.fd >= 0 && h->members[i].waits;
	if (!waits || h->asked || h->held.kind)
		return;
	message.ask = (struct fb_ask){FB_ASK, h->asked_all ? FB_ASK_ALL : 0};
	h->asked = machine_tell(h, &message);
	h->asked_all = false;
}

/* What is read must stay there: a memfd that can shrink would end whoever reads it. */
static const char *
memory_fault(const struct fb_mode *m, int fd)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || !(seals & F_SEAL_SHRINK))
		return "a picture in memory that could shrink";
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < m->size)
		return "a picture that ends behind its memory";
	return NULL;
}

static const char *
take_mode(struct hub *h, int fd)
{
	const char *fault = fd >= 0 ? memory_fault(&message.mode, fd) : NULL;

	if (fault) {
		close(fd);
		return fault;
	}
	if (h->memfd >= 0)
		close(h->memfd);
	h->memfd = fd;
	h->mode = message.mode;
	members_tell(h, &message);
	return NULL;
}

static void
take_cursor(struct hub *h)
{
	const struct fb_cursor *c = &message.cursor;

	if (c->flags & FB_CURSOR_SHAPE) {
		memcpy(&h->cursor, c, offsetof(struct fb_cursor, pixels) + sizeof(uint32_t) * c->width * c->height);
	} else {
		h->cursor.kind = FB_CURSOR;
		h->cursor.x = c->x;
		h->cursor.y = c->y;
		h->cursor.flags = c->flags;
	}
	members_tell(h, &message);
}

static const char *
take(struct hub *h, int fd)
{
	switch (message.kind) {
	case FB_MODE:
		return take_mode(h, fd);
	case FB_CURSOR:
		take_cursor(h);
		return NULL;
	case FB_STATE:
		h->state = message.state;
		break;
	case FB_DAMAGE:
		h->asked = false;
		break;
	}
	members_tell(h, &message);
	return NULL;
}

static void
send_held(struct hub *h)
{
	if (fb_send(h->machine.fd, &h->held, -1) < 0 && errno == EAGAIN)
		return;
	h->held.kind = 0;
	loop_watch(&h->loop, &h->machine, EPOLLIN);
	members_pause(h, false);
	machine_ask(h);
}

static void
spoke(struct watch *w, uint32_t events)
{
	struct hub *h = container_of(w, struct hub, machine);
	const char *why = NULL;
	int fd;
	ssize_t n;

	if (events & EPOLLOUT && h->held.kind)
		send_held(h);
	if (!(events & ~EPOLLOUT))
		return;
	n = fb_recv(w->fd, true, &message, &fd, &why);
	if (n < 0 && !why && errno == EAGAIN)
		return;
	if (n > 0)
		why = take(h, fd);
	if (why)
		error("the machine sent %s", why);
	if (n <= 0 || why)
		loop_stop(&h->loop);
}

void
machine_watch(struct hub *h)
{
	h->machine.handler = spoke;
	if (loop_watch(&h->loop, &h->machine, EPOLLIN) < 0)
		die_sys("epoll");
}

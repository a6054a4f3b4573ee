/* SPDX-License-Identifier: ISC */
/* Control connections; the contracts are in talk.h and talk_dev.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/timer.h"
#include "vm-pin/talk_dev.h"

/* What QMP needs before all else; to kvm-run it is a request that it does not know, and says so. */
#define HELLO "{\"execute\":\"qmp_capabilities\"}\n"

bool
talk_say(struct talk *t, const char *line)
{
	size_t len = strlen(line);
	ssize_t n = send(t->fd, line, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	t->taken = 0;
	t->deadline = timer_now() + 1000 * TALK_SECONDS;
	if (n >= 0 && (size_t)n != len)
		errno = EMSGSIZE;
	return n == (ssize_t)len;
}

/* Waits for more and appends it. False with errno. */
static bool
receive(struct talk *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	int64_t left = t->deadline - timer_now();
	ssize_t n;

	if (left <= 0 || poll(&p, 1, (int)left) == 0) {
		errno = ETIMEDOUT;
		return false;
	}
	n = recv(t->fd, t->text + t->to, TALK_MAX - t->to, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		errno = ECONNRESET;
	t->to += (size_t)n;
	return n > 0;
}

char *
talk_line(struct talk *t)
{
	size_t seen = t->from;
	char *end, *line;

	while (!(end = memchr(t->text + seen, '\n', t->to - seen))) {
		memmove(t->text, t->text + t->from, t->to - t->from);
		t->to -= t->from;
		seen = t->to;
		t->from = 0;
		if (t->to == TALK_MAX)
			errno = EMSGSIZE;
		if (t->to == TALK_MAX || !receive(t))
			return NULL;
	}
	line = t->text + t->from;
	*end = '\0';
	t->taken += (size_t)(end + 1 - line);
	t->from += (size_t)(end + 1 - line);
	if (t->taken <= TALK_MAX)
		return line;
	errno = EMSGSIZE;
	return NULL;
}

/* QMP greets before it is asked; kvm-run does not know this request. */
static const char *
meet(struct talk *t, struct why *w)
{
	const char *line = talk_say(t, HELLO) ? talk_line(t) : NULL;

	if (!line)
		return errno == ETIMEDOUT ? "nobody answers: a QMP socket has one client at a time" : why(w, "%s", strerror(errno));
	if (!strncmp(line, "no ", 3))
		return NULL;
	t->qmp = !strncmp(line, "{\"QMP\"", 6);
	if (!t->qmp)
		return "neither kvm-run's control socket nor QMP";
	line = talk_line(t);
	return !line ? why(w, "%s", strerror(errno)) : strncmp(line, "{\"return\"", 9) ? "QMP that does not begin" : NULL;
}

struct talk *
talk_open(int fd, const char **reason, struct why *w)
{
	struct talk *t = malloc(sizeof(*t));
	char *text = malloc(TALK_MAX);

	if (!t || !text) {
		*reason = strerror(ENOMEM);
		free(t);
		free(text);
		close(fd);
		return NULL;
	}
	*t = (struct talk){.fd = fd, .text = text};
	*reason = meet(t, w);
	if (!*reason)
		return t;
	talk_close(t);
	return NULL;
}

void
talk_close(struct talk *t)
{
	if (!t)
		return;
	close(t->fd);
	free(t->text);
	free(t);
}

void
talk_peer(const struct talk *t, pid_t *pid, uid_t *uid)
{
	struct ucred cred = {.uid = (uid_t)-1};
	socklen_t len = sizeof(cred);

	if (getsockopt(t->fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		cred = (struct ucred){.uid = (uid_t)-1};
	*pid = cred.pid;
	*uid = cred.uid;
}

bool
talk_add(struct talk_list *l, const struct talk_thread *thread)
{
	struct talk_thread *v = l->v;

	if (l->n == TALK_THREADS_MAX)
		return false;
	if (!(l->n & (l->n - 1))) /* full at each power of two */
		v = realloc(v, (l->n ? 2 * l->n : 1) * sizeof(*v));
	if (!v)
		return false;
	l->v = v;
	l->v[l->n++] = *thread;
	return true;
}

struct talk_thread *
talk_threads(struct talk *t, size_t *n, const char **reason, struct why *w)
{
	struct talk_list l = {0};

	*reason = (t->qmp ? talk_qmp_threads : talk_ctl_threads)(t, &l, w);
	if (!*reason && !l.n)
		*reason = "it has no vCPUs";
	if (*reason) {
		free(l.v);
		return NULL;
	}
	*n = l.n;
	return l.v;
}

uint64_t
talk_memory(struct talk *t)
{
	return (t->qmp ? talk_qmp_memory : talk_ctl_memory)(t);
}

/* SPDX-License-Identifier: ISC */
/* The control socket; the contracts are in control.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/control.h"
#include "common/util.h"

static void
close_fds(struct control_fds *fds)
{
	for (size_t i = 0; i < fds->n; i++)
		if (fds->v[i] >= 0)
			close(fds->v[i]);
	fds->n = 0;
}

static void
hang_up(struct control_client *cl)
{
	struct control *c = cl->control;

	close_fds(&cl->fds);
	loop_unwatch(&cl->watch);
	close(cl->watch.fd);
	cl->watch.fd = -1;
	listener_open(&c->listener); /* there is room again */
}

/* False when the client is not there to hear it, or reads so slowly that its socket is full. */
static bool
answer(struct control_client *cl, char *line)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	const char *why;
	bool sent;

	if (!out)
		return false;
	cl->fds.id[0] = '\0';
	why = cl->control->handler(cl->control->arg, line, &cl->fds, out);
	close_fds(&cl->fds);
	if (why)
		fprintf(out, "no %s\n", why);
	else
		fprintf(out, cl->fds.id[0] ? "ok %s\n" : "ok\n", cl->fds.id);
	sent = fclose(out) == 0 && send(cl->watch.fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
	free(text);
	return sent;
}

/* Takes the whole lines out of the buffer. False to hang up. */
static bool
take_lines(struct control_client *cl)
{
	char *end;

	while ((end = memchr(cl->line, '\n', cl->len))) {
		size_t used = (size_t)(end + 1 - cl->line);

		*end = '\0';
		if (!answer(cl, cl->line))
			return false;
		cl->len -= used;
		memmove(cl->line, end + 1, cl->len);
	}
	return cl->len < sizeof(cl->line);
}

static void
client_spoke(struct watch *w, uint32_t events)
{
	struct control_client *cl = container_of(w, struct control_client, watch);
	struct control_fds fds = {.n = FD_PASS_MAX};
	ssize_t n = fd_recv(w->fd, cl->line + cl->len, sizeof(cl->line) - cl->len, fds.v, &fds.n);

	(void)events;
	if (n >= 0 && fds.n) {
		close_fds(&cl->fds);
		cl->fds = fds;
	}
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		hang_up(cl);
		return;
	}
	cl->len += (size_t)n;
	if (!take_lines(cl))
		hang_up(cl);
}

static void
client_came(struct watch *w, uint32_t events)
{
	struct control *c = container_of(w, struct control, listener.watch);
	int fd;

	(void)events;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct control_client *cl = &c->clients[i];

		if (cl->watch.fd >= 0)
			continue;
		fd = listener_accept(&c->listener, SOCK_NONBLOCK);
		if (fd < 0)
			return;
		*cl = (struct control_client){.watch = {.fd = fd, .handler = client_spoke}, .control = c};
		if (loop_watch(w->loop, &cl->watch, EPOLLIN) < 0)
			hang_up(cl);
		return;
	}
	listener_shut(&c->listener); /* all places are taken: the others wait in the kernel */
}

int
control_start(struct control *c, struct loop *loop, int fd, control_handler *handler, void *arg)
{
	*c = (struct control){.handler = handler, .arg = arg};
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		c->clients[i].watch.fd = -1;
	return listener_start(&c->listener, loop, fd, client_came);
}

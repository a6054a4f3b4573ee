/* SPDX-License-Identifier: ISC */
/* vm-img serve: an image of any format as an NBD export. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/listener.h"
#include "common/num.h"
#include "common/ready.h"
#include "common/socket_file.h"
#include "common/util.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/nbd_server.h"
#include "vm-img/seals.h"

#define CLIENTS_MAX 32
#define HANDSHAKE_MS 10000 /* whose takes longer keeps a place from others */
#define STACK (256 << 10)

struct service {
	struct nbd_server server;
	struct loop loop;
	struct listener listener;
	bool listens; /* or there is one client, that was there from the start */
	struct watch ended; /* eventfd: a client has */
	struct watch signals;
	struct timer late; /* when the next client who has not agreed will have had his time */
	struct connection {
		struct service *service;
		pthread_t thread;
		int fd; /* -1: nobody */
		int64_t until; /* of timer_now: the end of its time to agree */
		bool agreed, over; /* under the server's lock */
	} clients[CLIENTS_MAX];
	unsigned n;
};

static void *
serve_client(void *arg)
{
	struct connection *c = arg;
	struct service *s = c->service;
	uint64_t one = 1;

	nbd_serve(&s->server, c->fd, &c->agreed);
	shutdown(c->fd, SHUT_RDWR);
	pthread_mutex_lock(&s->server.lock);
	c->over = true;
	pthread_mutex_unlock(&s->server.lock);
	if (write(s->ended.fd, &one, sizeof(one)) < 0)
		warn_sys("eventfd");
	return NULL;
}

/* Hangs up on who is over his time. */
static void
hang_up(struct service *s)
{
	int64_t now = timer_now(), next = TIMER_NEVER;

	pthread_mutex_lock(&s->server.lock);
	for (struct connection *c = s->clients; c < s->clients + CLIENTS_MAX; c++) {
		if (c->fd < 0 || c->agreed || c->over)
			continue;
		if (c->until <= now) {
			shutdown(c->fd, SHUT_RDWR);
			c->until = TIMER_NEVER;
		}
		if (c->until < next)
			next = c->until;
	}
	pthread_mutex_unlock(&s->server.lock);
	timer_set(&s->late, next);
}

static void
time_is_up(struct timer *t)
{
	hang_up(container_of(t, struct service, late));
}

/* Takes the socket. */
static void
add_client(struct service *s, int fd, int64_t until)
{
	struct connection *c = s->clients;
	pthread_attr_t attr;
	int err;

	while (c->fd >= 0)
		c++;
	*c = (struct connection){.service = s, .fd = fd, .until = until};
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	err = pthread_create(&c->thread, &attr, serve_client, c);
	pthread_attr_destroy(&attr);
	if (err) {
		warn("a client: %s", strerror(err));
		close(fd);
		c->fd = -1;
		return;
	}
	s->n++;
	hang_up(s);
}

static void
client_came(struct watch *w, uint32_t events)
{
	struct service *s = container_of(w, struct service, listener.watch);
	int fd = listener_accept(&s->listener, 0);

	(void)events;
	if (fd >= 0)
		add_client(s, fd, timer_now() + HANDSHAKE_MS);
	if (s->n == CLIENTS_MAX)
		listener_shut(&s->listener); /* who comes now waits in the kernel */
}

/* Puts away what is over; with `all` everybody's connection is. */
static void
reap(struct service *s, bool all)
{
	for (struct connection *c = s->clients; c < s->clients + CLIENTS_MAX; c++) {
		bool over;

		if (c->fd < 0)
			continue;
		if (all)
			shutdown(c->fd, SHUT_RDWR);
		pthread_mutex_lock(&s->server.lock);
		over = c->over;
		pthread_mutex_unlock(&s->server.lock);
		if (!all && !over)
			continue;
		pthread_join(c->thread, NULL);
		close(c->fd);
		c->fd = -1;
		s->n--;
	}
}

static void
client_ended(struct watch *w, uint32_t events)
{
	struct service *s = container_of(w, struct service, ended);
	uint64_t n;

	(void)events;
	if (read(w->fd, &n, sizeof(n)) < 0)
		return;
	reap(s, false);
	if (s->listens)
		listener_open(&s->listener);
	else if (!s->n)
		loop_stop(&s->loop);
}

static void
signalled(struct watch *w, uint32_t events)
{
	(void)events;
	loop_stop(&container_of(w, struct service, signals)->loop);
}

/* -l: a path to listen at, or the number of a socket that listens, or has its one client. */
static int
open_socket(struct service *s, const char *word)
{
	uint64_t fd;
	int listens, type, path;
	socklen_t len = sizeof(int);

	s->listens = true;
	if (!num_parse(word, 0, INT32_MAX, &fd)) {
		path = socket_file_listen(word);
		if (path < 0)
			die_sys("-l %s", word);
		return path;
	}
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
		die_sys("-l %s", word);
	if (type != SOCK_STREAM)
		die("-l %s: no stream socket", word);
	if (!fd_set_nonblock((int)fd, listens))
		die_sys("-l %s", word);
	s->listens = listens;
	return (int)fd;
}

static int
watch_signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	if (fd < 0)
		die_sys("signalfd");
	return fd;
}

static void
prepare(struct service *s)
{
	s->ended = (struct watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .handler = client_ended};
	s->signals = (struct watch){.fd = watch_signals(), .handler = signalled};
	if (s->ended.fd < 0 || loop_init(&s->loop) < 0 || timer_init(&s->late, &s->loop, time_is_up) < 0 ||
	    loop_watch(&s->loop, &s->ended, EPOLLIN) < 0 || loop_watch(&s->loop, &s->signals, EPOLLIN) < 0)
		die_sys("waiting for clients");
}

static int
fd_option(char letter, const char *word)
{
	return (int)num_opt(letter, word, 0, INT32_MAX);
}

int
cmd_serve(int argc, char **argv)
{
	static const struct option longs[] = {LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_SHARE, LONG_END};
	static struct service s = {.server.export = "", .server.lock = PTHREAD_MUTEX_INITIALIZER};
	const char *at = NULL;
	bool read_only = false;
	int c, ready = -1, fd, err;
	struct opening how;
	struct options o;

	options_init(&o, argv[0]);
	while ((c = options_next(&o, argc, argv, ":f:l:rR:t:Ux:", longs, "")) != -1) {
		switch (c) {
		case 'l': at = optarg; break;
		case 'r': read_only = true; break;
		case 'R': ready = fd_option('R', optarg); break;
		default: s.server.export = optarg; break;
		}
	}
	if (!at)
		die("serve: -l SOCKET, where to listen, is missing (try %s serve --help)", diag_prog);
	if (strlen(s.server.export) > NBD_NAME_MAX)
		die("-x: the name is too long");
	opening_init(&how, &o, options_operand(argc, argv, "image"), o.format, read_only ? 0 : IMAGE_WRITE);
	for (c = 0; c < CLIENTS_MAX; c++)
		s.clients[c].fd = -1;
	prepare(&s);
	fd = open_socket(&s, at);
	if (s.listens && listener_start(&s.listener, &s.loop, fd, client_came) < 0)
		die_sys("waiting for clients");
	ready_prepare();
	seals_open(SEALS_SERVE);
	s.server.image = chain_open(&how);
	if (!s.server.image)
		return 1;
	seals_work();
	mallopt(M_ARENA_MAX, 1); /* 32 clients, and memory for one */
	ready_announce(ready);
	if (!s.listens)
		add_client(&s, fd, TIMER_NEVER); /* it is in nobody's way */
	if ((s.listens || s.n) && loop_run(&s.loop) < 0)
		die_sys("epoll");
	reap(&s, true);
	err = image_close(s.server.image);
	if (err)
		error("%s: %s", how.path, strerror(-err));
	return err ? 1 : 0;
}

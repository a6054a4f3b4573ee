/* SPDX-License-Identifier: ISC */
/* vm-img serve: an image of any format as an NBD export. */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/ready.h"
#include "common/seal.h"
#include "common/socket_file.h"
#include "common/timer.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/nbd_server.h"

#define CLIENTS_MAX 32
#define HANDSHAKE_MS 10000 /* whose takes longer keeps a place from others */
#define STACK (256 << 10)

struct service {
	struct nbd_server server;
	int listener; /* or -1: one client, that was there from the start */
	int ended;    /* eventfd: a client has */
	int signals;
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
	if (write(s->ended, &one, sizeof(one)) < 0)
		warn_sys("eventfd");
	return NULL;
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
	if (!err) {
		s->n++;
		return;
	}
	warn("a client: %s", strerror(err));
	close(fd);
	c->fd = -1;
}

/* Puts away what is over; with `all` everybody's connection is. */
static void
reap(struct service *s, bool all)
{
	uint64_t n;

	if (!all && read(s->ended, &n, sizeof(n)) < 0)
		return;
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

/* Hangs up on who is over his time. Milliseconds until the next may be, or -1. */
static int
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
	return next == TIMER_NEVER ? -1 : (int)(next - now);
}

static void
run(struct service *s)
{
	enum { SIGNALS, ENDED, LISTENER };
	struct pollfd p[] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->ended, .events = POLLIN}, {.events = POLLIN}};

	while (s->listener >= 0 || s->n) {
		int fd = -1;

		/* Who comes when there are too many waits in the kernel's queue. */
		p[LISTENER].fd = s->n < CLIENTS_MAX ? s->listener : -1;
		if (poll(p, 3, hang_up(s)) < 0 && errno != EINTR)
			die_sys("poll");
		if (p[SIGNALS].revents)
			break;
		if (p[ENDED].revents)
			reap(s, false);
		if (p[LISTENER].fd >= 0 && p[LISTENER].revents)
			fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			add_client(s, fd, timer_now() + HANDSHAKE_MS);
	}
	reap(s, true);
}

/* -l: a path to listen at, or the number of a socket that listens, or has its one client. That is the return value, or -1. */
static int
listen_at(struct service *s, const char *word)
{
	uint64_t fd;
	int listens, type;
	socklen_t len = sizeof(int);

	s->listener = -1;
	if (!num_parse(word, 0, INT32_MAX, &fd)) {
		s->listener = socket_file_listen(word);
		if (s->listener < 0)
			die_sys("-l %s", word);
		return -1;
	}
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) < 0)
		die_sys("-l %s", word);
	if (type != SOCK_STREAM)
		die("-l %s: no stream socket", word);
	if (!fd_set_nonblock((int)fd, listens))
		die_sys("-l %s", word);
	if (!listens)
		return (int)fd;
	s->listener = (int)fd;
	return -1;
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

/* What follows acquiring: nothing is opened any more, whatever a client or an image makes of us. */
static void
seal(void)
{
	static const char *const calls[] = {"read", "readv", "pread64", "preadv", "write", "writev", "pwrite64", "pwritev", "lseek",
	    "fallocate", "ftruncate", "fdatasync", "fsync", "fstat", "newfstatat", "statx", "poll", "ppoll", "accept4", "shutdown",
	    "sendto", "sendmsg", "recvfrom", "recvmsg", "close", "unlink", "brk", "mmap", "munmap", "mremap", "mprotect", "madvise",
	    "futex", "clone", "clone3", "set_robust_list", "rseq", "exit", "exit_group", "rt_sigaction", "rt_sigprocmask",
	    "rt_sigreturn", "restart_syscall", "sched_yield", "gettid", "getpid", "tgkill", "getrandom", "clock_gettime",
	    "gettimeofday", "fcntl", NULL};

	mallopt(M_ARENA_MAX, 1); /* one more would open a file of /sys */
	seal_privileges();
	seal_syscalls(calls);
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
	int c, ready = -1, client, err;
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
	s.server.image = chain_open(&how);
	if (!s.server.image)
		return 1;
	s.signals = watch_signals();
	s.ended = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s.ended < 0)
		die_sys("eventfd");
	client = listen_at(&s, at);
	ready_prepare();
	seal();
	ready_announce(ready);
	if (client >= 0)
		add_client(&s, client, TIMER_NEVER); /* it is in nobody's way */
	run(&s);
	err = image_close(s.server.image);
	if (err)
		error("%s: %s", how.path, strerror(-err));
	return err ? 1 : 0;
}

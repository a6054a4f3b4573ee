/* SPDX-License-Identifier: ISC */
/* Descriptors of the broker's in libslirp's hands; the contracts are in doors.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "vm-slirp/channel.h"
#include "vm-slirp/doors.h"

/* Listens at dir/gN. The name is how a connection is told apart from others later on. */
static int
listen_at(const char *dir, size_t n, struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	*sun = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/g%zu", dir, n);
	if (fd < 0 || bind(fd, (struct sockaddr *)sun, sizeof(*sun)) < 0 || listen(fd, 16) < 0 ||
	    chmod(sun->sun_path, 0666) < 0) /* we are about to become another user */
		die_sys("guest forward");
	return fd;
}

/* In a root of our own nobody else sees the name. */
static int
listen_walled(size_t n, char *path, size_t size)
{
	struct sockaddr_un sun;
	int fd = listen_at("", n, &sun);

	snprintf(path, size, "%s", sun.sun_path);
	return fd;
}

/* Without one, the name is taken away at once, and what it named is reached by a descriptor: nothing stays behind. */
static int
listen_unwalled(size_t n, char *path, size_t size)
{
	char dir[] = "/tmp/vm-slirp.XXXXXX";
	struct sockaddr_un sun;
	int fd, name;

	if (!mkdtemp(dir))
		die_sys("guest forward: %s", dir);
	fd = listen_at(dir, n, &sun);
	name = open(sun.sun_path, O_PATH | O_CLOEXEC);
	if (name < 0 || unlink(sun.sun_path) < 0 || rmdir(dir) < 0)
		die_sys("guest forward: %s", dir);
	snprintf(path, size, "/proc/self/fd/%d", name);
	return fd;
}

void
doors_open(struct doors *d, Slirp *slirp, const struct options *o, int requests, bool walled)
{
	*d = (struct doors){.slirp = slirp, .requests = requests};
	for (size_t i = 0; i < o->nguestfwds; i++) {
		struct in_addr addr = o->guestfwds[i].addr;
		char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

		d->listeners[i] =
		    walled ? listen_walled(i, path, sizeof(path)) : listen_unwalled(i, path, sizeof(path));
		if (slirp_add_unix(slirp, path, &addr, o->guestfwds[i].port) < 0)
			die("guest forward %s:%u: an address of the network's own, or one used twice", inet_ntoa(addr),
			    o->guestfwds[i].port);
		d->nlisteners++;
	}
}

void
doors_ready(struct doors *d, int resolv)
{
	const struct message m = {.kind = MSG_READY};

	if (fd_send(d->requests, &m, sizeof(m), &resolv, resolv >= 0) < 0) {
		if (errno == EPIPE)
			_exit(0); /* the broker ended meanwhile */
		die_sys("the stack is there, but cannot tell");
	}
	if (resolv >= 0)
		close(resolv);
}

/* Which guestfwd libslirp has just connected to with fd, or -1: the name is one of ours, and somebody waits there. */
static int
which_guestfwd(const struct doors *d, int fd)
{
	union address peer = {0};
	socklen_t len = sizeof(peer);
	const char *name;
	uint64_t n;
	int end;

	if (!d->nlisteners || getpeername(fd, &peer.sa, &len) < 0 || peer.sa.sa_family != AF_UNIX)
		return -1;
	name = strrchr(peer.un.sun_path, '/');
	if (!name || name[1] != 'g' || !num_parse(name + 2, 0, d->nlisteners - 1, &n))
		return -1;
	end = accept4(d->listeners[n], NULL, NULL, SOCK_CLOEXEC);
	if (end < 0)
		return -1;
	close(end);
	return (int)n;
}

/* Asks the broker for the other end. -1 when it has none; the guest then sees its connection close. */
static int
request_open(const struct doors *d, unsigned index)
{
	struct message m = {.kind = MSG_OPEN, .index = index};
	size_t nfds = 1;
	int fd = -1;

	if (fd_send(d->requests, &m, sizeof(m), NULL, 0) < 0 || fd_recv(d->requests, &m, sizeof(m), &fd, &nfds) <= 0)
		_exit(0); /* the broker ended */
	return nfds ? fd : -1;
}

void
doors_registered(struct doors *d, int fd)
{
	int index, other;

	index = which_guestfwd(d, fd);
	other = index >= 0 ? request_open(d, (unsigned)index) : -1;
	if (other >= 0) {
		if (dup3(other, fd, O_CLOEXEC) < 0)
			die_sys("guest forward");
		close(other);
	}
}

/* A free port of the loopback in the guest's family: from that libslirp concludes how to speak to the guest. */
static union address
placeholder(const struct forward *f)
{
	union address a = {0};

	if (f->guest.sa.sa_family == AF_INET6)
		a.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	else
		a.in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	return a;
}

static int
flags(const struct forward *f)
{
	return (f->udp ? SLIRP_HOSTFWD_UDP : 0) | (f->guest.sa.sa_family == AF_INET6 ? SLIRP_HOSTFWD_V6ONLY : 0);
}

/*
 * Has libslirp make its socket, and returns that socket's number, or -1. libslirp 4.7 does not report a listening one;
 * but a new descriptor is the lowest that is free (POSIX, open()), and nobody else here makes any.
 */
static int
make_socket(struct doors *d, const struct forward *f, int like)
{
	union address a = placeholder(f), made = {0};
	socklen_t len = sizeof(made);
	int fd = fcntl(like, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	close(fd);
	if (slirp_add_hostxfwd(d->slirp, &a.sa, address_len(&a), &f->guest.sa, address_len(&f->guest), flags(f)) < 0)
		return -1;
	if (getsockname(fd, &made.sa, &len) < 0 || made.sa.sa_family != a.sa.sa_family)
		die("forward: libslirp's socket is not where it should be");
	return fd;
}

void
doors_add(struct doors *d, const struct forward *f, int fd)
{
	int made = d->nopen < FORWARDS_MAX ? make_socket(d, f, fd) : -1;
	char text[FORWARD_TEXT_MAX];

	if (made >= 0 && dup3(fd, made, O_CLOEXEC) < 0)
		die_sys("forward");
	close(fd);
	if (made < 0) {
		forward_format(f, text);
		error("forward %s: refused by libslirp", text);
		return;
	}
	d->open[d->nopen].forward = *f;
	d->open[d->nopen++].fd = made;
}

void
doors_delete(struct doors *d, const struct forward *f)
{
	for (size_t i = 0; i < d->nopen; i++) {
		union address a = {0};
		socklen_t len = sizeof(a);

		if (!forward_same_host(&d->open[i].forward, f))
			continue;
		if (getsockname(d->open[i].fd, &a.sa, &len) == 0)
			slirp_remove_hostxfwd(d->slirp, &a.sa, len, flags(&d->open[i].forward));
		d->open[i] = d->open[--d->nopen];
		return;
	}
}

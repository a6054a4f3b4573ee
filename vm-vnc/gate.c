/* SPDX-License-Identifier: ISC */
/* The gate; the contracts are in gate.h. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/seal.h"
#include "vm-vnc/ask.h"
#include "vm-vnc/gate.h"
#include "vm-vnc/hello.h"
#include "vm-vnc/stream.h"
#include "vm-vnc/web.h"

/* No path, no new socket, no process: what is open is all there is. */
static const char *const syscalls[] = {
    "alarm", "brk", "clock_gettime", "close", "exit", "exit_group", "fcntl", "futex", "getpid", "getrandom", "gettimeofday",
    "madvise", "mmap", "mprotect", "mremap", "munmap", "poll", "ppoll", "prctl", "read", "recvfrom", "recvmsg", "restart_syscall",
    "rt_sigprocmask", "rt_sigreturn", "sendmsg", "sendto", "setitimer", "setsockopt", "shutdown", "write", "writev", NULL};

enum first_words {
	FIRST_NOTHING, /* for as long as a browser would have taken: a viewer */
	FIRST_HTTP,
	FIRST_TLS,
	FIRST_OTHER,
};

/* A viewer waits for the server's version (RFC 6143, 7.1.1); browsers speak first. */
static enum first_words
listen_first(const struct gate *g)
{
	struct pollfd p = {.fd = g->fd, .events = POLLIN};
	uint8_t first[2] = {0};

	if (g->kind == GATE_REVERSE || poll(&p, 1, g->kind == GATE_BROWSER ? -1 : GATE_SILENCE) == 0)
		return FIRST_NOTHING;
	if (recv(g->fd, first, sizeof(first), MSG_PEEK) < 1)
		return FIRST_OTHER;
	if (first[0] == 0x16) /* RFC 8446, 5.1: a record of a handshake */
		return FIRST_TLS;
	return first[0] >= 'A' && first[0] <= 'Z' ? FIRST_HTTP : FIRST_OTHER;
}

/* Up to a WebSocket. */
static bool
meet_browser(const struct policy *f, const struct gate *g, struct stream *s, enum first_words first, const char **why)
{
	struct hello h = {.s = s, .f = f, .clerk = g->clerk};

	if (first == FIRST_TLS) {
		*why = "TLS at once, which needs a certificate (-O cert=)";
		if (!f->tls.x509)
			return false;
		s->tls = tls_accept(&f->tls, false, s->fd, why);
		if (!s->tls)
			return false;
		if (!hello_certificate(&h)) {
			*why = h.why;
			return false;
		}
	}
	return web_serve(s, f, g->clerk, why);
}

static bool
meet(const struct policy *f, const struct gate *g, struct stream *s, const char **why)
{
	struct hello h = {.s = s, .f = f, .clerk = g->clerk, .local = g->local};
	enum first_words first = listen_first(g);
	bool in;

	*why = "neither RFB nor HTTP nor TLS";
	if (first == FIRST_OTHER || (first != FIRST_NOTHING && !meet_browser(f, g, s, first, why)))
		return false;
	in = hello_run(&h);
	*why = h.why;
	return in;
}

/* A viewer whose host has vanished is noticed within minutes, and each key is sent when it is pressed. Of no matter elsewhere. */
static void
set_socket(int fd)
{
	static const struct {
		int level, name, value;
	} options[] = {
	    {SOL_SOCKET, SO_KEEPALIVE, 1},
	    {IPPROTO_TCP, TCP_KEEPIDLE, 60},
	    {IPPROTO_TCP, TCP_KEEPINTVL, 20},
	    {IPPROTO_TCP, TCP_KEEPCNT, 4},
	    {IPPROTO_TCP, TCP_NODELAY, 1},
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

/* Reads what still comes: a socket closed before that is reset, and the viewer may lose what it was told last. */
static void
linger(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char drop[4096];

	for (int i = 0; i < 16 && poll(&p, 1, GATE_SILENCE) > 0 && recv(fd, drop, sizeof(drop), MSG_DONTWAIT) > 0; i++)
		;
}

void
gate_run(struct policy *f, const struct gate *g)
{
	const int keep[] = {g->fd, g->clerk, g->rfb};
	struct stream s = {.fd = g->fd};
	const char *why = NULL;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	hello_deadline(GATE_SECONDS);
	policy_forget(f);
	fd_close_others(keep, 3);
	set_socket(g->fd);
	seal_privileges();
	seal_syscalls(syscalls);
	if (meet(f, g, &s, &why)) {
		hello_deadline(0);
		prctl(PR_SET_PDEATHSIG, 0);
		close(g->clerk);
		if (s.tls || s.web)
			pump_run(&s, g->rfb);
		_exit(0);
	}
	if (!why)
		why = "the viewer has gone";
	stream_end(&s);
	linger(g->fd);
	ask_send(g->clerk, ASK_ENDED, why, strlen(why) + 1, -1);
	_exit(0);
}

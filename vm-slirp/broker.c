/* SPDX-License-Identifier: ISC */
/* The small parent; the contracts are in broker.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/control.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/listener.h"
#include "common/socket_file.h"
#include "common/util.h"
#include "vm-slirp/broker.h"
#include "vm-slirp/channel.h"
#include "vm-slirp/resolv.h"
#include "vm-slirp/room.h"
#include "vm-slirp/stack.h"

struct broker {
	const struct options *o;
	struct doorway *d;
	struct loop loop;
	struct watch requests;
	struct listener guests;
	struct backend_signals signals;
	struct control control;
	struct resolv resolv;
	pid_t stack;
	int orders; /* to the stack; -1 while there is none */
	int status;
	bool announced;
};

void
doorway_open_forwards(struct doorway *d, const struct options *o)
{
	for (size_t i = 0; i < o->nforwards; i++) {
		unsigned tries = 0;
		int fd;

		while ((fd = forward_listen(&o->forwards[i])) < 0 && fd_in_use_yet(&tries))
			;
		if (fd < 0)
			die_sys("-p %s", o->forward_words[i]);
		d->forwards[d->nforwards++] = (struct open_forward){.forward = o->forwards[i], .fd = fd};
	}
}

static void
say_ready(struct broker *b)
{
	if (!b->announced)
		backend_announce(b->o->ready_fd);
	b->announced = true;
}

static void
order(struct broker *b, enum message_kind kind, const struct open_forward *f)
{
	struct message m;

	memset(&m, 0, sizeof(m));
	m.kind = kind;
	m.forward = f->forward;
	if (b->orders >= 0 && fd_send(b->orders, &m, sizeof(m), &f->fd, kind == MSG_ADD) < 0)
		warn_sys("the stack takes no orders");
}

/* Without questions it would wait for ever, and so would who waits for it to be ready. */
static void
end_stack(struct broker *b, const char *why)
{
	error("the stack's questions: %s", why);
	kill(b->stack, SIGKILL);
}

/* The stack asks. Its memory may be a guest's by now: nothing it says is used but an index in range. */
static void
requested(struct watch *w, uint32_t events)
{
	struct broker *b = container_of(w, struct broker, requests);
	struct message m;
	size_t nfds = 1;
	int fd = -1;
	ssize_t n = fd_recv(w->fd, &m, sizeof(m), &fd, &nfds);

	(void)events;
	if (n != sizeof(m)) {
		if (n) /* it is out of its mind, or cannot be heard; else it is gone, and SIGCHLD tells the rest */
			end_stack(b, n < 0 ? strerror(errno) : "no question of its");
		loop_unwatch(w);
	} else if (m.kind == MSG_READY) {
		if (nfds && b->resolv.copy < 0)
			resolv_follow(&b->resolv, &b->loop, fd), nfds = 0;
		say_ready(b);
	} else if (m.kind == MSG_OPEN) {
		int end = m.index < b->o->nguestfwds ? targets_connect(&b->d->targets, m.index) : -1;

		fd_send(w->fd, &m, sizeof(m), &end, end >= 0);
		if (end >= 0)
			close(end);
	}
	if (nfds)
		close(fd);
}

/* The child's half of the start: it leaves all that was the broker's behind. */
static _Noreturn void
become_stack(struct broker *b, int cable, int orders, int requests, bool walled)
{
	sigset_t none;

	socket_file_own(false);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	stack_run(b->o, cable, orders, requests, walled);
}

/* Our end is the first. A stack that a guest has taken over, and that reads no more, holds us up for a moment only. */
static void
make_channel(int sv[2])
{
	const struct timeval patience = {.tv_sec = 1};

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0 ||
	    setsockopt(sv[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		die_sys("socketpair");
}

/* Starts a stack on a cable, which from then on is the stack's alone. */
static void
start_stack(struct broker *b, int cable)
{
	int orders[2], requests[2];
	bool walled;

	make_channel(orders);
	make_channel(requests);
	b->stack = room_fork(&walled);
	if (b->stack < 0)
		die_sys("fork");
	if (!b->stack)
		become_stack(b, cable, orders[1], requests[1], walled);
	if (!walled)
		note(1, "no namespaces here: the stack is held by seccomp alone");
	close(cable);
	close(orders[1]);
	close(requests[1]);
	b->orders = orders[0];
	b->requests.fd = requests[0];
	if (loop_watch(&b->loop, &b->requests, EPOLLIN) < 0)
		die_sys("epoll");
	for (size_t i = 0; i < b->d->nforwards; i++)
		order(b, MSG_ADD, &b->d->forwards[i]);
}

static void
leave_stack(struct broker *b)
{
	loop_unwatch(&b->requests);
	close(b->requests.fd);
	close(b->orders);
	b->orders = -1;
	b->stack = 0;
	resolv_stop(&b->resolv);
}

/* The stack ended: by itself when its guest left, or by a fault, which takes no more with it than that guest. */
static void
stack_ended(struct broker *b, int status)
{
	leave_stack(b);
	if (WIFSIGNALED(status))
		error("the stack died of signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	b->status = WIFSIGNALED(status) || WEXITSTATUS(status) ? 1 : 0;
	/* A stack that never came to serve would not do so for the next guest. */
	if (b->d->listener < 0 || (b->status && !b->announced))
		loop_stop(&b->loop);
	else
		listener_open(&b->guests);
}

static void
child_ended(struct backend_signals *s, pid_t pid, int status)
{
	struct broker *b = container_of(s, struct broker, signals);

	if (pid == b->stack)
		stack_ended(b, status);
	else if (targets_ended(&b->d->targets, pid))
		note(1, "a guest forward's command ended with status %d",
		    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void
guest_came(struct watch *w, uint32_t events)
{
	struct broker *b = container_of(w, struct broker, guests.watch);
	int cable = listener_accept(&b->guests, 0);

	(void)events;
	if (cable < 0)
		return;
	listener_shut(&b->guests); /* the next one waits in the kernel until this one has gone */
	start_stack(b, cable);
}

static const char *
add_forward(struct broker *b, const char *word)
{
	struct doorway *d = b->d;
	struct open_forward *f = &d->forwards[d->nforwards];
	const char *why;

	if (d->nforwards == FORWARDS_MAX)
		return "too many forwards";
	if (!forward_parse(&f->forward, word, &why))
		return why;
	why = options_check_forward(b->o, &f->forward);
	if (why)
		return why;
	for (size_t i = 0; i < d->nforwards; i++)
		if (forward_same_host(&d->forwards[i].forward, &f->forward))
			return "that socket is forwarded already";
	f->fd = forward_listen(&f->forward);
	if (f->fd < 0)
		return strerror(errno);
	d->nforwards++;
	order(b, MSG_ADD, f);
	return NULL;
}

static void
close_forward(struct open_forward *f)
{
	close(f->fd);
	if (f->forward.host.sa.sa_family == AF_UNIX)
		socket_file_remove(f->forward.host.un.sun_path);
}

/* The host's part of a word tells which; the guest's is not looked at. */
static const char *
delete_forward(struct broker *b, const char *word)
{
	struct doorway *d = b->d;
	struct forward f;
	const char *why;

	if (!forward_parse_host(&f, word, &why))
		return why;
	for (size_t i = 0; i < d->nforwards; i++) {
		if (!forward_same_host(&d->forwards[i].forward, &f))
			continue;
		order(b, MSG_DELETE, &d->forwards[i]);
		close_forward(&d->forwards[i]);
		d->nforwards--;
		memmove(&d->forwards[i], &d->forwards[i + 1], (d->nforwards - i) * sizeof(*d->forwards));
		return NULL;
	}
	return "no such forward";
}

static void
list_forwards(const struct broker *b, FILE *out)
{
	char text[FORWARD_TEXT_MAX];

	for (size_t i = 0; i < b->d->nforwards; i++) {
		forward_format(&b->d->forwards[i].forward, text);
		fprintf(out, "%s\n", text);
	}
}

static const char *
control_line(void *arg, char *line, struct control_fds *fds, FILE *out)
{
	struct broker *b = arg;
	char *word = line + strcspn(line, " ");

	(void)fds;
	if (*word)
		*word++ = '\0';
	if (!strcmp(line, "add"))
		return add_forward(b, word);
	if (!strcmp(line, "del"))
		return delete_forward(b, word);
	if (!strcmp(line, "list"))
		return list_forwards(b, out), NULL;
	if (!strcmp(line, "quit"))
		return loop_stop(&b->loop), NULL;
	return "not one of: add FORWARD, del FORWARD, list, quit";
}

static void
clean_up(struct broker *b)
{
	if (b->stack > 0) {
		kill(b->stack, SIGKILL);
		waitpid(b->stack, NULL, 0);
		leave_stack(b);
	}
	targets_close(&b->d->targets);
}

/* For guest forwards, when a guest connects: then they are not to be bound by our list. */
static bool
starts_commands(const struct options *o)
{
	for (size_t i = 0; i < o->nguestfwds; i++)
		if (o->guestfwds[i].kind != GUESTFWD_CONNECT)
			return true;
	return false;
}

int
broker_run(const struct options *o, struct doorway *d)
{
	static struct broker b;

	b = (struct broker){.o = o, .d = d, .orders = -1};
	b.resolv.copy = b.resolv.watch.fd = -1;
	b.requests.handler = requested;
	if (loop_init(&b.loop) < 0)
		die_sys("epoll");
	backend_watch(&b.signals, &b.loop, child_ended);
	if (d->control >= 0 && control_start(&b.control, &b.loop, d->control, control_line, &b) < 0)
		die_sys("epoll");
	if (d->listener < 0) {
		start_stack(&b, d->cable);
		if (!starts_commands(o))
			broker_seal();
	} else {
		if (listener_start(&b.guests, &b.loop, d->listener, guest_came) < 0)
			die_sys("epoll");
		say_ready(&b);
	}
	if (loop_run(&b.loop) < 0)
		die_sys("epoll");
	clean_up(&b);
	return b.status;
}

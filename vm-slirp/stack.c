/* SPDX-License-Identifier: ISC */
/* The loop around libslirp; the contracts are in stack.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/cable.h"
#include "common/diag.h"
#include "common/fd.h"
#include "vm-slirp/acks.h"
#include "vm-slirp/channel.h"
#include "vm-slirp/doors.h"
#include "vm-slirp/fragments.h"
#include "vm-slirp/heap.h"
#include "vm-slirp/large.h"
#include "vm-slirp/more.h"
#include "vm-slirp/room.h"
#include "vm-slirp/stack.h"

enum { POLL_CABLE, POLL_ORDERS, POLL_OWN }; /* the first places of the poll array are ours */

struct timer {
	bool used;
	SlirpTimerId id;
	void *opaque;
	int64_t expires; /* ms on libslirp's clock; 0 = not running */
};

struct stack {
	Slirp *slirp;
	struct cable cable;
	struct acks acks;
	struct large large;
	struct fragments fragments;
	struct doors doors;
	int orders;
	struct pollfd *fds;
	size_t nfds, cap;
	struct timer timers[SLIRP_TIMER_NUM];
};

static int64_t
clock_ns(void *opaque)
{
	struct timespec t;

	(void)opaque;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void
to_guest(void *arg, const void *frame, size_t len)
{
	struct stack *s = arg;

	large_put(&s->large, frame, len);
}

static ssize_t
send_packet(const void *frame, size_t len, void *opaque)
{
	struct stack *s = opaque;

	acks_put(&s->acks, frame, len);
	return (ssize_t)len; /* a dropped frame is the guest's matter; libslirp would cry about it on stderr */
}

static void
guest_error(const char *msg, void *opaque)
{
	(void)opaque;
	note(2, "guest: %s", msg);
}

static void *
timer_new(SlirpTimerId id, void *cb_opaque, void *opaque)
{
	struct stack *s = opaque;

	if ((size_t)id >= SLIRP_TIMER_NUM)
		return NULL;
	s->timers[id] = (struct timer){.used = true, .id = id, .opaque = cb_opaque};
	return &s->timers[id];
}

static void
timer_free(void *timer, void *opaque)
{
	(void)opaque;
	if (timer)
		((struct timer *)timer)->used = false;
}

static void
timer_mod(void *timer, int64_t expires, void *opaque)
{
	(void)opaque;
	if (timer)
		((struct timer *)timer)->expires = expires;
}

/* libslirp tells of every connection it makes: the moment to put another in its place. */
static void
register_fd(int fd, void *opaque)
{
	struct stack *s = opaque;

	heap_grew();
	doors_registered(&s->doors, fd);
}

static void
unregister_fd(int fd, void *opaque)
{
	(void)fd, (void)opaque;
	heap_shrank();
}

static void
notify(void *opaque)
{
	(void)opaque; /* we are the only thread: the loop comes round anyway */
}

static const SlirpCb callbacks = {
    .send_packet = send_packet,
    .guest_error = guest_error,
    .clock_get_ns = clock_ns,
    .timer_free = timer_free,
    .timer_mod = timer_mod,
    .register_poll_fd = register_fd,
    .unregister_poll_fd = unregister_fd,
    .notify = notify,
    .timer_new_opaque = timer_new,
};

static SlirpConfig
slirp_config(const struct network *n, bool walled)
{
	return (SlirpConfig){
	    .version = 4,
	    .restricted = n->restricted,
	    .in_enabled = n->in4,
	    .vnetwork = {n->host.s_addr & n->mask.s_addr},
	    .vnetmask = n->mask,
	    .vhost = n->host,
	    .in6_enabled = n->in6,
	    .vprefix_addr6 = network_prefix6(n),
	    .vprefix_len = (uint8_t)n->prefix_len,
	    .vhost6 = n->host6,
	    .vhostname = n->hostname,
	    .tftp_server_name = n->tftp_name,
	    .tftp_path = n->tftp_dir && walled ? "/tftp" : n->tftp_dir,
	    .bootfile = n->bootfile,
	    .vdhcp_start = n->first,
	    .vnameserver = n->dns,
	    .vnameserver6 = n->dns6,
	    .vdomainname = n->domain,
	    .if_mtu = MTU_MAX, /* the guest's MTU is large.h's matter */
	    .if_mru = MTU_MAX,
	    .disable_host_loopback = n->no_loopback,
	    .disable_dns = n->no_dns,
	    .disable_dhcp = n->no_dhcp,
	};
}

static void
slirp_start(struct stack *s, const struct options *o, bool walled)
{
	/* libslirp keeps pointers into its configuration: it, and what we hand in by address, lives as long as the process. */
	static struct network net;
	static const char *search[SEARCH_MAX + 1];
	SlirpConfig c;

	net = o->net;
	memcpy(search, net.search, sizeof(search));
	c = slirp_config(&net, walled);
	c.vdnssearch = search[0] ? search : NULL;
	c.outbound_addr = net.outbound.sin_family ? &net.outbound : NULL;
	c.outbound_addr6 = net.outbound6.sin6_family ? &net.outbound6 : NULL;
	s->slirp = slirp_new(&c, &callbacks, s);
	if (!s->slirp)
		die("libslirp refuses this network");
}

static int
add_poll(int fd, int events, void *opaque)
{
	struct stack *s = opaque;
	short want = 0;

	if (s->nfds == s->cap) {
		s->cap *= 2;
		s->fds = realloc(s->fds, s->cap * sizeof(*s->fds));
		if (!s->fds)
			die("out of memory");
	}
	if (events & SLIRP_POLL_IN)
		want |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		want |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		want |= POLLPRI;
	s->fds[s->nfds] = (struct pollfd){.fd = fd, .events = want};
	return (int)s->nfds++;
}

static int
get_revents(int idx, void *opaque)
{
	const struct stack *s = opaque;
	short got = s->fds[idx].revents;

	/* libslirp asks socket by socket, each when it is about to read from it: what would be lost here can wait there. */
	if (cable_crowded(&s->cable))
		got &= ~POLLIN;
	return (got & POLLIN ? SLIRP_POLL_IN : 0) | (got & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (got & POLLPRI ? SLIRP_POLL_PRI : 0) | (got & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (got & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void
frame_arrived(void *arg, uint8_t *frame, size_t len)
{
	struct stack *s = arg;
	const uint8_t *whole = frame;

	large_take(&s->large, frame, len);
	if (fragments_put(&s->fragments, &whole, &len, clock_ns(NULL) / 1000000))
		slirp_input(s->slirp, whole, (int)len);
}

/* How long to sleep at most: what libslirp says, or until its next timer. -1: for ever. */
static int
sleep_ms(const struct stack *s, uint32_t timeout)
{
	int64_t ms = timeout == UINT32_MAX ? INT64_MAX : timeout;
	int64_t now = clock_ns(NULL) / 1000000;

	for (size_t i = 0; i < SLIRP_TIMER_NUM; i++) {
		const struct timer *t = &s->timers[i];

		if (t->used && t->expires && t->expires - now < ms)
			ms = t->expires > now ? t->expires - now : 0;
	}
	return ms > INT32_MAX ? -1 : (int)ms;
}

static void
run_timers(struct stack *s)
{
	int64_t now = clock_ns(NULL) / 1000000;

	for (size_t i = 0; i < SLIRP_TIMER_NUM; i++) {
		struct timer *t = &s->timers[i];

		if (t->used && t->expires && t->expires <= now) {
			t->expires = 0;
			slirp_handle_timer(s->slirp, t->id, t->opaque);
		}
	}
}

/* One order of the broker's. False when the broker is gone. */
static bool
take_order(struct stack *s)
{
	struct message m;
	size_t nfds = 1;
	int fd = -1;
	ssize_t n = fd_recv(s->orders, &m, sizeof(m), &fd, &nfds);

	if (n != sizeof(m))
		return false;
	if (m.kind == MSG_ADD && nfds)
		doors_add(&s->doors, &m.forward, fd);
	else if (m.kind == MSG_DELETE)
		doors_delete(&s->doors, &m.forward);
	return true;
}

static bool
take_frames(struct stack *s)
{
	bool here;

	more_begin();
	acks_begin(&s->acks);
	here = cable_receive(&s->cable, frame_arrived, s);
	acks_end(&s->acks);
	more_end();
	if (s->cable.broken)
		warn("the guest's end sent a length that no frame has");
	return here;
}

/*
 * One round: what libslirp waits for, sleep, let it have its sockets, then the guest's frames, then all replies at once.
 * While the guest does not take its frames the sockets are left alone, so that data waits in the host's kernel and is not
 * thrown away; timers wait with them. False when the guest or the broker is gone.
 */
static bool
serve(struct stack *s)
{
	bool flowing = cable_flush(&s->cable);
	uint32_t timeout = UINT32_MAX;
	int n;

	if (s->cable.gone)
		return false;
	s->nfds = POLL_OWN;
	s->fds[POLL_CABLE] = (struct pollfd){.fd = s->cable.fd, .events = POLLIN | (flowing ? 0 : POLLOUT)};
	s->fds[POLL_ORDERS] = (struct pollfd){.fd = s->orders, .events = POLLIN};
	if (flowing)
		slirp_pollfds_fill(s->slirp, &timeout, add_poll, s);
	heap_tidy();
	n = poll(s->fds, s->nfds, sleep_ms(s, timeout));
	if (n < 0 && errno != EINTR)
		die_sys("poll");
	if (flowing)
		slirp_pollfds_poll(s->slirp, n < 0, get_revents, s);
	run_timers(s);
	if (n <= 0)
		return true;
	if (s->fds[POLL_ORDERS].revents && !take_order(s))
		return false;
	return !(s->fds[POLL_CABLE].revents & ~POLLOUT) || take_frames(s);
}

/* Ends are the broker's to decide: it hears the terminal's signals, and we hear of it. */
static void
ignore_signals(void)
{
	static const int ignored[] = {SIGINT, SIGHUP, SIGTERM, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
}

/* Each connection of the guest's is a descriptor, and libslirp takes it badly when there are no more. */
static void
raise_limit(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

void
stack_run(const struct options *o, int cable_fd, int orders, int requests, bool walled)
{
	static struct stack s;
	const char *why;
	int resolv = -1;

	ignore_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "slirp");
	raise_limit();
	heap_init();
	fd_close_others((const int[]){cable_fd, orders, requests}, 3);
	s.orders = orders;
	s.acks = (struct acks){.send = to_guest, .arg = &s};
	s.cap = 64;
	s.fds = calloc(s.cap, sizeof(*s.fds));
	why = s.fds ? cable_open(&s.cable, cable_fd, o->net.mtu) : "out of memory";
	if (why)
		die("the guest's end: %s", why);
	why = cable_offload(&s.cable, false);
	if (why)
		die("the guest's end: %s", why);
	s.large.cable = &s.cable;
	mss_init(&s.large.mss, o->net.mtu);
	if (walled && !room_enter(o->net.tftp_dir, &resolv)) {
		note(1, "nothing can be mounted here: the stack is held by seccomp alone");
		walled = false;
	}
	slirp_start(&s, o, walled);
	doors_open(&s.doors, s.slirp, o, requests, walled);
	room_seal();
	doors_ready(&s.doors, resolv);
	while (serve(&s))
		;
	_exit(0); /* there is nothing to write out, and nowhere */
}

/* SPDX-License-Identifier: ISC */
/* Listening sockets: whom they let in, and when; without descriptors nobody, and not by asking all the time. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/listener.h"
#include "common/util.h"
#include "tests/unit/tap.h"

static struct loop loop;
static struct listener l;
static struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = "\0kvm-utils unit/listener"};
static int came, last, reason;

static void
somebody_came(struct watch *w, uint32_t events)
{
	(void)events;
	came++;
	last = listener_accept(container_of(w, struct listener, watch), SOCK_NONBLOCK);
	reason = last < 0 ? errno : 0;
}

/* Who has no room asks for none. */
static void
no_room(struct watch *w, uint32_t events)
{
	(void)events;
	came++;
	listener_pause(container_of(w, struct listener, watch));
}

static int
new_listener(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 4) < 0 ? -1 : fd;
}

static int
dial(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? -1 : fd;
}

/* How often the loop came round in that time. */
static int
rounds(int64_t ms)
{
	int64_t end = timer_now() + ms;
	int n = 0;

	for (int64_t now; (now = timer_now()) < end; n++)
		loop_once(&loop, (int)(end - now));
	return n;
}

/* Runs until somebody is let in. */
static bool
let_in(void)
{
	int64_t end = timer_now() + 10000;

	last = -1;
	while (last < 0 && timer_now() < end)
		loop_once(&loop, 100);
	return last >= 0;
}

static void
allow_descriptors(rlim_t n)
{
	struct rlimit lim;

	getrlimit(RLIMIT_NOFILE, &lim);
	lim.rlim_cur = n;
	setrlimit(RLIMIT_NOFILE, &lim);
}

static void
test_starved(void)
{
	int client = dial(), top = dup(0);
	int n;

	close(top); /* the lowest free number */
	came = 0;
	allow_descriptors((rlim_t)top);
	n = rounds(4 * LISTENER_PAUSE);
	ok(last < 0 && reason == EMFILE, "no descriptor, nobody");
	ok(came > 1 && came <= 5, "asked %d times in four pauses", came);
	ok(n < 20, "and slept between");
	allow_descriptors(256);
	ok(let_in(), "who waited is let in when there are some");
	ok(fcntl(last, F_GETFL) & O_NONBLOCK && fcntl(last, F_GETFD) & FD_CLOEXEC, "as was asked for");
	close(last);
	close(client);
}

static void
test_shut(void)
{
	int client;

	listener_shut(&l);
	client = dial();
	came = 0;
	rounds(20);
	ok(!came, "shut: who comes waits");
	listener_pause(&l);
	rounds(2 * LISTENER_PAUSE);
	ok(!came, "the end of a pause opens nothing");
	listener_open(&l);
	ok(let_in() && came == 1, "opened");
	close(last);
	close(client);
}

static void
test_paused(void)
{
	int client = dial();

	l.watch.handler = no_room;
	came = 0;
	rounds(20);
	ok(came == 1, "a pause of the owner's");
	l.watch.handler = somebody_came;
	ok(let_in() && came == 2, "is over by itself");
	close(last);
	close(client);
}

int
main(void)
{
	int fd = new_listener(), low;

	ok(fd >= 0 && loop_init(&loop) == 0 && listener_start(&l, &loop, fd, somebody_came) == 0, "started");
	last = 0;
	came = 0;
	rounds(20);
	ok(!came, "nobody there");
	test_starved();
	test_shut();
	test_paused();
	listener_stop(&l);
	ok(fcntl(fd, F_GETFD) < 0, "its socket is closed");
	low = new_listener();
	allow_descriptors((rlim_t)low + 1);
	ok(listener_start(&l, &loop, low, somebody_came) == -EMFILE && fcntl(low, F_GETFD) >= 0,
	    "what could not be started leaves the socket to its owner");
	allow_descriptors((rlim_t)low + 64); /* AddressSanitizer looks for leaks at the end */
	return tap_done();
}

/* SPDX-License-Identifier: ISC */
/* Console output; the contracts are in con_out.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/con.h"
#include "kvm-run/con_out.h"
#include "kvm-run/seal_threads.h"

#define GATHER_NS 1000000 /* bytes that come within a millisecond are written together: no one sees the delay */
#define GATHER_MAX 4096	  /* and what is this much is not worth waiting for */
#define STOP_SECONDS 1

static struct timespec
in_future(time_t s, long ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += s;
	ts.tv_nsec += ns;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

void
con_out_put(struct con_out *o, const void *data, size_t len)
{
	const uint8_t *p = data;
	bool tell = false, first;

	pthread_mutex_lock(&o->lock);
	if (o->fd < 0 || o->ending)
		len = 0;
	if (len > CON_OUT_MAX - o->len) {
		len = CON_OUT_MAX - o->len;
		tell = !o->full;
		o->full = true;
	}
	for (size_t n; len; p += n, len -= n) {
		size_t at = (o->start + o->len) % CON_OUT_MAX;

		n = len < CON_OUT_MAX - at ? len : CON_OUT_MAX - at;
		memcpy(o->buf + at, p, n);
		o->len += n;
	}
	first = o->len && o->idle;
	if (first || o->len >= GATHER_MAX)
		pthread_cond_signal(&o->wake);
	if (first)
		o->idle = false;
	pthread_mutex_unlock(&o->lock);
	if (tell)
		warn("%s: the reader is too slow: output is lost", o->id);
}

/* Writes some of the span, without the lock. Bytes written, or -1 when there is nobody to write to. */
static ssize_t
write_some(struct con_out *o, const void *p, size_t len)
{
	for (;;) {
		ssize_t n = write(o->fd, p, len);
		struct pollfd pfd = {.fd = o->fd, .events = POLLOUT};

		if (n >= 0)
			return n;
		if (errno == EAGAIN) /* somebody else made the description non-blocking */
			poll(&pfd, 1, -1);
		else if (errno != EINTR)
			return -1;
	}
}

/* Waits until there is something to write and it is worth a system call. Lock held. False at the end. */
static bool
wait_output(struct con_out *o)
{
	struct timespec until;

	while (!o->len && !o->ending) {
		o->idle = true;
		pthread_cond_wait(&o->wake, &o->lock);
	}
	until = in_future(0, GATHER_NS);
	while (o->len < GATHER_MAX && !o->ending)
		if (pthread_cond_clockwait(&o->wake, &o->lock, CLOCK_MONOTONIC, &until) == ETIMEDOUT)
			break;
	return o->len;
}

static void *
writer(void *arg)
{
	struct con_out *o = arg;
	char name[16];

	snprintf(name, sizeof(name), "%s", o->id);
	pthread_setname_np(pthread_self(), name);
	seal_thread_io();
	pthread_mutex_lock(&o->lock);
	while (o->fd >= 0 && wait_output(o)) {
		size_t len = o->len < CON_OUT_MAX - o->start ? o->len : CON_OUT_MAX - o->start;
		ssize_t n;

		pthread_mutex_unlock(&o->lock);
		n = write_some(o, o->buf + o->start, len);
		pthread_mutex_lock(&o->lock);
		if (n < 0) {
			warn_sys("%s: output is discarded from now on", o->id);
			o->fd = -1;
			break;
		}
		o->start = (o->start + n) % CON_OUT_MAX;
		o->len -= n;
		if (!o->len) {
			o->start = 0; /* back to the page that is already touched */
			o->full = false;
		}
	}
	pthread_mutex_unlock(&o->lock);
	return NULL;
}

int
con_out_start(struct con_out *o, const char *id, int fd)
{
	sigset_t all, old;
	int err;

	*o = (struct con_out){.id = id, .fd = fd};
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->wake, NULL);
	o->buf = mmap(NULL, CON_OUT_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (o->buf == MAP_FAILED)
		return -errno;
	sigfillset(&all); /* signals are the main thread's */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&o->thread, NULL, writer, o);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err)
		munmap(o->buf, CON_OUT_MAX);
	return -err;
}

bool
con_out_stop(struct con_out *o)
{
	struct timespec until = in_future(STOP_SECONDS, 0);

	pthread_mutex_lock(&o->lock);
	o->ending = true;
	pthread_cond_signal(&o->wake);
	pthread_mutex_unlock(&o->lock);
	if (pthread_clockjoin_np(o->thread, NULL, CLOCK_MONOTONIC, &until))
		return false;
	munmap(o->buf, CON_OUT_MAX);
	return true;
}

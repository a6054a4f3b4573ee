/* SPDX-License-Identifier: ISC */
/* The process of one viewer; the contract is in viewer.h. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/seal.h"
#include "common/timer.h"
#include "common/util.h"
#include "vm-vnc/viewer_dev.h"

static union fb_message message; /* one at a time, to or from the parent */

static _Noreturn void
leave(const char *why)
{
	note(1, "viewer: %s", why);
	_exit(0);
}

void
viewer_tell(struct viewer *v, const union fb_message *m)
{
	if (fb_send(v->channel, m, -1) < 0)
		leave("the display has ended");
}

static void
press(void *arg, uint8_t code, bool down)
{
	message.key = (struct fb_key){FB_KEY, code, down};
	viewer_tell(arg, &message);
}

static void
hear_parent(struct viewer *v)
{
	const char *why = "the display has ended";
	int fd;
	ssize_t n = fb_recv(v->channel, true, &message, &fd, &why);

	if (n <= 0)
		leave(why);
	why = viewer_take(v, &message, (size_t)n, fd);
	if (why)
		leave(why);
}

/* RFC 6143, 7.3.2: size, what pixels are (ours: 0x00RRGGBB, little endian), name. */
static void
greet(struct viewer *v)
{
	static const uint8_t format[16] = {32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0};
	uint32_t len = (uint32_t)strlen(v->settings->name);

	output_put16(&v->out, (uint16_t)v->picture.mode.width);
	output_put16(&v->out, (uint16_t)v->picture.mode.height);
	output_put(&v->out, format, sizeof(format));
	output_put32(&v->out, len);
	output_put(&v->out, v->settings->name, len);
	v->greeted = true;
}

/* ClientInit; then the parent decides whether there is a place for this viewer. */
static void
introduce(struct viewer *v)
{
	struct viewer_hello hello = {.kind = VIEWER_HELLO};
	uint8_t shared;

	if (recv(v->rfb, &shared, 1, 0) != 1)
		leave("gone before it began");
	hello.shared = shared != 0;
	if (send(v->channel, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
		leave("the display has ended");
	while (!v->picture.mem)
		hear_parent(v);
	greet(v);
}

/* What a frame under way depends on: it is not changed before that is written. */
static bool
must_wait(const struct viewer *v, const struct request *r)
{
	return v->frame.under_way && (r->kind == REQUEST_FORMAT || r->kind == REQUEST_ENCODINGS);
}

static void
take_requests(struct viewer *v)
{
	size_t used = 0;
	ptrdiff_t len;
	struct request r;
	const char *why = NULL;

	while ((len = request_parse(&v->requests, v->in + used, v->in_len - used, &r, &why)) > 0 && !must_wait(v, &r)) {
		used += (size_t)len;
		why = viewer_hear(v, &r);
		if (why)
			break;
	}
	if (why)
		leave(why);
	v->in_len -= used;
	memmove(v->in, v->in + used, v->in_len);
}

static void
hear_viewer(struct viewer *v)
{
	ssize_t n = recv(v->rfb, v->in + v->in_len, REQUEST_MAX - v->in_len, MSG_DONTWAIT);

	if (n == 0 || (n < 0 && errno != EAGAIN))
		leave("gone");
	if (n > 0)
		v->in_len += (size_t)n;
}

/* Only who waits itself lets the machine look for what has changed. */
static void
ask(struct viewer *v)
{
	bool idle = v->asked && !v->frame.under_way && !output_waiting(&v->out);

	if (!idle || v->waiting || (v->picture.doubted && !v->stale) || timer_now() < v->earliest)
		return;
	message.ask = (struct fb_ask){.kind = FB_ASK, .flags = v->stale ? FB_ASK_ALL : 0};
	viewer_tell(v, &message);
	v->waiting = true;
}

/* How long to sleep: until the next frame may be, where that is all that is waited for. */
static int
patience(const struct viewer *v)
{
	int64_t in = v->earliest - timer_now();

	if (v->frame.under_way && output_waiting(&v->out) < OUTPUT_ENOUGH)
		return 0;
	return v->asked && in > 0 ? (int)in : -1;
}

static void
serve(struct viewer *v)
{
	struct pollfd p[2] = {{.fd = v->rfb}, {.fd = v->channel, .events = POLLIN}};
	const char *why;

	take_requests(v);
	viewer_frame(v);
	if (!output_flush(&v->out, v->rfb))
		leave("gone");
	if (v->mode_waits && !v->frame.under_way && (why = viewer_change_mode(v)))
		leave(why);
	ask(v);
	/* Who does not read is not listened to either: what he asks for would be kept for ever. */
	if (v->in_len < REQUEST_MAX && output_waiting(&v->out) < 2 * OUTPUT_ENOUGH)
		p[0].events |= POLLIN;
	if (output_waiting(&v->out))
		p[0].events |= POLLOUT;
	if (poll(p, ARRAY_LEN(p), patience(v)) < 0 && errno != EINTR)
		die_sys("poll");
	if (p[1].revents)
		hear_parent(v);
	if (p[0].revents & (POLLIN | POLLERR | POLLHUP))
		hear_viewer(v);
}

static void
confine(void)
{
	static const char *const calls[] = {
		"poll", "ppoll", "restart_syscall", "recvfrom", "recvmsg", "sendto", "sendmsg", "read", "write", "writev", "close", "lseek", "ftruncate",
		"memfd_create", "mmap", "munmap", "mremap", "brk", "madvise", "mprotect", "futex", "clock_gettime", "gettimeofday", "getrandom",
		"rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "getpid", "gettid", "tgkill", "exit", "exit_group", NULL};

	seal_nobody();
	seal_privileges();
	seal_syscalls(calls);
}

void
viewer_run(int rfb, int channel, const struct viewer_settings *settings)
{
	static struct viewer v;

	prctl(PR_SET_NAME, "vnc-viewer");
	v = (struct viewer){.rfb = rfb, .channel = channel, .settings = settings, .ways = {.quality = -1}, .keyboard = {.press = press, .arg = &v}};
	v.in = malloc(REQUEST_MAX);
	if (!v.in || output_open(&v.out) < 0)
		die("out of memory");
	v.encoder = encoder_new(&v.out);
	fd_set_nonblock(rfb, false);
	confine();
	introduce(&v);
	for (;;)
		serve(&v);
}

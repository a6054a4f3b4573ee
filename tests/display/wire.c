/* SPDX-License-Identifier: ISC */
/* What comes from the machine, and goes to it; the contracts are in display.h. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/timer.h"
#include "tests/display/display.h"

struct display display = {.wire = -1, .input = -1, .patience = 60000};

static union fb_message in;

_Noreturn void
display_fail(const char *what, const char *with)
{
	error("%s%s%s", what, *with ? " " : "", with);
	if (display.child)
		kill(display.child, SIGKILL);
	exit(1);
}

static void
take_mode(int fd)
{
	if (display.memory)
		munmap(display.memory, display.mode.size);
	display.memory = NULL;
	display.mode = in.mode;
	if (fd < 0)
		return;
	display.memory = mmap(NULL, display.mode.size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (display.memory == MAP_FAILED)
		display_fail("the picture's memory cannot be mapped", "");
}

static void
take(int fd)
{
	switch (in.kind) {
	case FB_MODE:
		take_mode(fd);
		break;
	case FB_DAMAGE:
		display.damage = in.damage;
		display.damaged = true;
		display.asked = false;
		break;
	case FB_STATE:
		display.state = in.state;
		break;
	case FB_CURSOR:
		display.cursor = in.cursor;
		display.cursor_came = true;
		break;
	case FB_CLIPBOARD:
		strcpy(display.clip, in.clipboard.text);
		display.clip_came = true;
		break;
	}
}

void
display_put(const void *m)
{
	if (display.wire < 0 || (fb_send(display.wire, m, -1) < 0 && errno != EPIPE && errno != ECONNRESET))
		display_fail("nobody takes what is sent", "");
}

void
display_ask(uint32_t flags)
{
	if (display.asked)
		return;
	display.damaged = false;
	display.asked = true;
	display_put(&(struct fb_ask){FB_ASK, flags});
}

/* Takes one message, or waits until the time has come: false. */
bool
display_receive(int64_t until)
{
	struct pollfd p = {.fd = display.wire, .events = POLLIN};
	int64_t left = until - timer_now();
	const char *why = "nothing, it is closed";
	ssize_t len;
	int fd;

	if (left <= 0 || poll(&p, 1, (int)left) <= 0)
		return false;
	len = fb_recv(display.wire, true, &in, &fd, &why);
	if (len <= 0)
		display_fail("the machine sent", len < 0 && errno != EBADMSG ? strerror(errno) : why);
	take(fd);
	return true;
}

/* Until the machine closes the wire. What has come on the way may be read no more once we can send no more. */
void
display_take_all(bool asking)
{
	struct pollfd p = {.fd = display.wire, .events = POLLIN};
	int64_t until = timer_now() + display.patience;
	const char *why = NULL;
	int fd;

	while (timer_now() < until && poll(&p, 1, (int)(until - timer_now())) > 0) {
		ssize_t len = fb_recv(display.wire, true, &in, &fd, &why);

		if (len <= 0 && why)
			display_fail("the machine sent", why);
		if (len <= 0)
			return;
		take(fd);
		if (asking && !display.asked && fb_send(display.wire, (const union fb_message *)&(struct fb_ask){FB_ASK, 0}, -1) == 0)
			display.asked = true;
	}
	display_fail("still open", "");
}

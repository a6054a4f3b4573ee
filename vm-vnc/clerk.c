/* SPDX-License-Identifier: ISC */
/* The clerk; the contracts are in clerk.h. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/timer.h"
#include "common/why.h"
#include "vm-vnc/clerk.h"
#include "vm-vnc/hello.h"

static void
answer(struct clerk *c, enum ask_verdict verdict)
{
	ask_send(c->sock, verdict, NULL, 0, -1);
}

/* What counts against his address, or clears it. */
static enum ask_verdict
judge(struct clerk *c, bool right)
{
	if (right)
		throttle_passed(c->f->throttle, &c->from);
	else
		throttle_failed(c->f->throttle, &c->from, timer_now());
	c->proved = right;
	return right ? ASK_YES : ASK_NO;
}

static void
challenge(struct clerk *c)
{
	if (!c->f->vnc || c->challenged || getrandom(c->challenge, sizeof(c->challenge), 0) != sizeof(c->challenge)) {
		answer(c, ASK_NO);
		return;
	}
	c->challenged = true;
	ask_send(c->sock, ASK_YES, c->challenge, sizeof(c->challenge), -1);
}

/* One try a challenge. Nobody knows an empty password. */
static void
respond(struct clerk *c, const uint8_t *data, size_t len)
{
	const struct policy *f = c->f;
	bool full, view;

	if (!c->challenged || len != VNCAUTH_BYTES || c->proved) {
		answer(c, ASK_NO);
		return;
	}
	c->challenged = false;
	full = *f->password && vncauth_right(f->password, c->challenge, data);
	view = *f->view && vncauth_right(f->view, c->challenge, data);
	c->report.guest.view_only = !full && view;
	answer(c, judge(c, full || view));
}

/* As long as it goes: it is for people to read. */
static void
set_name(struct clerk *c, const char *name)
{
	size_t max = sizeof(c->report.guest.user) - 1;

	snprintf(c->report.guest.user, max + 1, "%.*s", (int)max, name);
}

/* A name that is proved is one of the list, where there is one. */
static bool
name_is_let_in(struct clerk *c, const char *user)
{
	char name[HELLO_NAME_MAX + 8];

	if (user != c->report.guest.user)
		set_name(c, user);
	snprintf(name, sizeof(name), "user:%.*s", HELLO_NAME_MAX, user);
	c->listed = c->listed || names_has(&c->f->allow, name);
	return !c->f->allow.n || c->listed;
}

/* Two texts, each ended by its NUL; the second, or NULL. */
static const char *
second(const char *data, size_t len)
{
	const char *nul = len ? memchr(data, '\0', len - 1) : NULL;

	return nul && !data[len - 1] && strlen(nul + 1) == (size_t)(data + len - 2 - nul) ? nul + 1 : NULL;
}

static void
plain(struct clerk *c, const char *data, size_t len)
{
	const char *password = second(data, len);
	bool right = false;

	if (password && !c->proved && policy_plain(c->f)) {
		if (c->f->users)
			right = users_right(c->f->users, data, password, &c->report.guest.view_only);
		else
			right = clerk_sasl_plain(c, data, password);
		right = right && name_is_let_in(c, data);
	}
	answer(c, judge(c, right));
}

static void
certificate(struct clerk *c, const char *data, size_t len)
{
	const char *end = data + len;

	if (!len || end[-1]) {
		answer(c, ASK_NO);
		return;
	}
	set_name(c, data);
	c->shown = true;
	for (; data < end && !c->listed; data += strlen(data) + 1) {
		c->listed = names_has(&c->f->allow, data);
		if (c->listed)
			set_name(c, data);
	}
	/* Where a name and a password are asked for as well, the list may mean that name. */
	answer(c, c->listed || !c->f->allow.n || policy_plain(c->f) ? ASK_YES : ASK_NO);
}

static void
file(struct clerk *c, const char *path, size_t len)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	char name[1024 + 1];
	struct stat st;
	int fd;

	if (c->f->folder_fd < 0 || len < 2 || len >= sizeof(name) || *path != '/' || memchr(path, '\0', len)) {
		answer(c, ASK_NO);
		return;
	}
	memcpy(name, path + 1, len - 1);
	name[len - 1] = '\0';
	fd = (int)syscall(SYS_openat2, c->f->folder_fd, name, &how, sizeof(how));
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		answer(c, ASK_NO);
	} else {
		struct ask_file a = {(uint64_t)st.st_size, (uint64_t)st.st_mtime};

		ask_send(c->sock, ASK_YES, &a, sizeof(a), fd);
	}
	if (fd >= 0)
		close(fd);
}

/* A mechanism, NUL, and the rest. */
static enum ask_verdict
sasl_start(struct clerk *c, const char *data, size_t len, const char **out, size_t *n)
{
	const char *nul = memchr(data, '\0', len);

	return nul ? clerk_sasl_start(c, data, nul + 1, (size_t)(data + len - nul - 1), out, n) : ASK_NO;
}

static void
sasl(struct clerk *c, enum ask_kind kind, const char *data, size_t len)
{
	enum ask_verdict verdict = ASK_NO;
	const char *out = NULL;
	size_t n = 0;

	if (c->f->sasl && !c->proved)
		verdict = kind == ASK_START ? sasl_start(c, data, len, &out, &n) : clerk_sasl_step(c, data, len, &out, &n);
	if (n > ASK_DATA_MAX || (verdict == ASK_YES && !name_is_let_in(c, c->report.guest.user)))
		verdict = ASK_NO;
	if (verdict != ASK_MORE)
		judge(c, verdict == ASK_YES);
	ask_send(c->sock, verdict, out, verdict == ASK_NO ? 0 : n, -1);
}

static void
mechanisms(struct clerk *c)
{
	const char *out = NULL;
	size_t n = 0;
	enum ask_verdict verdict = c->f->sasl ? clerk_sasl_mechanisms(c, &out, &n) : ASK_NO;

	ask_send(c->sock, verdict, out, n, -1);
}

/* What the gate says is believed of how the bytes are wrapped, but not of who the viewer is. */
static bool
admit(struct clerk *c, const void *data, size_t len)
{
	const struct policy *f = c->f;
	bool in = len == sizeof(c->admitted) && (c->proved || !policy_password(f)) && (c->shown || !f->tls.demand) &&
	    (c->listed || !f->allow.n);

	if (in) {
		memcpy(&c->admitted, data, sizeof(c->admitted));
		c->admitted.how[sizeof(c->admitted.how) - 1] = '\0';
	}
	answer(c, in ? ASK_YES : ASK_NO);
	return in;
}

static void
ended(struct clerk *c, const char *data, size_t len)
{
	snprintf(c->report.why, sizeof(c->report.why), "%.*s", (int)len, data);
}

bool
clerk_serve(struct clerk *c)
{
	static struct ask_message m;
	ssize_t len;

	snprintf(c->report.why, sizeof(c->report.why), "took too long, or its gate broke down");
	while ((len = ask_recv(c->sock, &m, NULL)) >= 0) {
		const char *data = (const char *)m.data;

		switch ((enum ask_kind)m.kind) {
		case ASK_CHALLENGE: challenge(c); break;
		case ASK_RESPONSE: respond(c, m.data, (size_t)len); break;
		case ASK_PLAIN: plain(c, data, (size_t)len); break;
		case ASK_CERTIFICATE: certificate(c, data, (size_t)len); break;
		case ASK_FILE: file(c, data, (size_t)len); break;
		case ASK_MECHANISMS: mechanisms(c); break;
		case ASK_START:
		case ASK_STEP: sasl(c, m.kind, data, (size_t)len); break;
		case ASK_ENDED: ended(c, data, (size_t)len); return false;
		case ASK_ADMIT:
			if (admit(c, data, (size_t)len))
				return true;
			break;
		default: return false;
		}
		explicit_bzero(&m, sizeof(m.kind) + (size_t)len);
	}
	return false;
}

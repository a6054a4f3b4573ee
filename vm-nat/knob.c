/* SPDX-License-Identifier: ISC */
/* One setting of the kernel; the contracts are in knob.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/fd.h"
#include "vm-nat/knob.h"
#include "vm-nat/ruleset.h"

const char *
knob_path(const char *text)
{
	static char path[sizeof(KNOB_ROOT) + COMMENT_MAX];

	snprintf(path, sizeof(path), KNOB_ROOT "%.*s", (int)strcspn(text, "="), text);
	return path;
}

bool
knob_ends_in(const char *text, const char *end)
{
	size_t len = strcspn(text, "="), n = strlen(end);

	return len >= n && !strncmp(text + len - n, end, n);
}

bool
knob_is(const char *text, const char *key)
{
	size_t n = strlen(key);

	return !strncmp(text, key, n) && (text[n] == '=' || !text[n]);
}

/* All are switches to be on, but those of br_netfilter, and that one: 2 is "also when this host forwards". */
int
knob_want(const char *text)
{
	return knob_is(text, KNOB_BRIDGE_NF4) || knob_is(text, KNOB_BRIDGE_NF6) ? 0 : knob_ends_in(text, "/accept_ra") ? 2 : 1;
}

bool
knob_of_all(const char *text)
{
	return knob_is(text, KNOB_FORWARD4) || knob_is(text, KNOB_FORWARD6);
}

int
knob_turn(void)
{
	int fd = open(KNOB_ROOT KNOB_FORWARD4, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0 && errno == EINTR)
		;
	return fd;
}

/* Not by close(2) alone: a process that was forked meanwhile may have the descriptor, too. */
void
knob_turn_end(int fd)
{
	if (fd < 0)
		return;
	flock(fd, LOCK_UN);
	close(fd);
}

int
knob_get(const char *key)
{
	int fd = open(knob_path(key), O_RDONLY | O_CLOEXEC);
	char digit = '0';
	ssize_t n;

	if (fd < 0)
		return -1;
	n = fd_read_all(fd, &digit, 1);
	close(fd);
	return n < 0 ? -1 : digit - '0';
}

bool
knob_set(const char *key, int value)
{
	const char digit[] = { (char)('0' + value), '\n' };
	bool done;
	int fd;

	if (knob_get(key) == value)
		return true;
	fd = open(knob_path(key), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	done = fd_write_all(fd, digit, sizeof(digit)) == sizeof(digit);
	close(fd);
	return done;
}

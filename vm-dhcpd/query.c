/* SPDX-License-Identifier: ISC */
/* Reading leases from outside; the contracts are in query.h. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/print.h"
#include "common/timer.h"
#include "vm-dhcpd/journal.h"
#include "vm-dhcpd/leaselog.h"
#include "vm-dhcpd/query.h"

#define SUFFIX ".leases"
#define ATTEMPTS 10 /* at a log that is shortened while it is read */

typedef bool lease_fn(const struct lease *l, const char *bridge, int64_t epoch, void *arg);

/* Hands on the leases of one log that are bound now, until fn has enough and returns true. */
static bool
each_lease(int dir, const char *file, lease_fn *fn, void *arg)
{
	struct journal j;
	char bridge[NAME_MAX + 1];
	int err = -EAGAIN, attempts = ATTEMPTS;
	bool enough = false;
	struct lease *l;

	snprintf(bridge, sizeof(bridge), "%.*s", (int)(strlen(file) - strlen(SUFFIX)), file);
	journal_init(&j);
	while (err == -EAGAIN && attempts--) {
		leases_done(&j.leases);
		journal_init(&j);
		err = leaselog_read(dir, file, journal_replay, &j);
	}
	if (err && err != -ENOENT)
		die("%s: %s", file, strerror(-err));
	TAILQ_FOREACH(l, &j.leases.queue[LEASE_BOUND], queue)
		if (l->until > lease_clock() && (enough = fn(l, bridge, j.epoch, arg)))
			break;
	leases_done(&j.leases);
	return enough;
}

/* Of one bridge, or of all that have a log. */
static bool
each_log(const struct options *o, int dir, lease_fn *fn, void *arg)
{
	char file[NAME_MAX + 1];
	struct dirent *e;
	bool enough = false;
	DIR *all;

	if (o->bridge) {
		snprintf(file, sizeof(file), "%s" SUFFIX, o->bridge);
		return each_lease(dir, file, fn, arg);
	}
	all = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!all)
		die_sys("%s", o->dir);
	while (!enough && (e = readdir(all))) {
		size_t len = strlen(e->d_name);

		if (len > strlen(SUFFIX) && !strcmp(e->d_name + len - strlen(SUFFIX), SUFFIX))
			enough = each_lease(dir, e->d_name, fn, arg);
	}
	closedir(all);
	return enough;
}

static int
open_dir(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		die_sys("%s", path);
	return dir;
}

static const char *
text(uint32_t addr)
{
	return inet_ntoa((struct in_addr){.s_addr = htonl(addr)});
}

static bool
print_lease(const struct lease *l, const char *bridge, int64_t epoch, void *arg)
{
	struct printer *p = arg;

	print_begin(p);
	print_word(p, "state", "bound");
	if (l->until == LEASE_NEVER)
		print_word(p, "until", "never");
	else
		print_number(p, "until", (uint64_t)(l->until + epoch));
	print_mac(p, "mac", l->mac);
	print_word(p, "address", text(l->addr));
	print_word(p, "name", l->name ? l->name : "");
	print_word(p, "bridge", bridge);
	print_end(p);
	return false;
}

int
query_list(const struct options *o)
{
	struct printer p = {.form = o->json ? PRINT_JSON : PRINT_ROWS};
	int dir = open_dir(o->dir);

	each_log(o, dir, print_lease, &p);
	close(dir);
	flush_stdout();
	return 0;
}

static bool
print_if_his(const struct lease *l, const char *bridge, int64_t epoch, void *arg)
{
	(void)bridge;
	(void)epoch;
	if (memcmp(l->mac, arg, 6))
		return false;
	puts(text(l->addr));
	return true;
}

/* Until something in the directory has changed. False when it is too late. */
static bool
wait_change(int fd, int64_t end)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[4096];
	int64_t left = end == TIMER_NEVER ? -1 : end - timer_now();

	if (end != TIMER_NEVER && left <= 0)
		return false;
	if (poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
		die_sys("poll");
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	return true;
}

int
query_wait(const struct options *o)
{
	struct options copy = *o;
	int64_t end = o->wait_seconds < 0 ? TIMER_NEVER : timer_now() + o->wait_seconds * INT64_C(1000);
	int dir = open_dir(o->dir), fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd < 0 || inotify_add_watch(fd, o->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		die_sys("%s", o->dir);
	while (!each_log(o, dir, print_if_his, copy.mac))
		if (!wait_change(fd, end))
			return 1;
	flush_stdout();
	return 0;
}

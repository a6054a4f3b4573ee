/* SPDX-License-Identifier: ISC */
/* The loader: a bridge that is there as long as the program that it runs, and whoever else holds the wire. */
#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <unistd.h>

#include "common/backend.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/keeper.h"
#include "common/seal.h"
#include "common/wire.h"
#include "vm-bridge/barrier.h"
#include "vm-bridge/ensure.h"
#include "vm-bridge/verbs.h"

struct stay {
	struct netlink *nl;
	const char *bridge;
	struct ensured done;
};

/* What others have taken away meanwhile is no failure. */
static int
undo(void *arg)
{
	struct stay *s = arg;
	int err = netlink_commit(s->nl, &s->done.undo, NULL);
	bool ok = !err || err == -ENODEV || err == -ENOENT || err == -EADDRNOTAVAIL;

	if (!ok)
		error("%s", s->nl->why);
	if (s->done.rules)
		ok &= barrier_remove(s->bridge);
	return !ok;
}

/* A bridge with all that is asked for is somebody else's, and nothing of it is ours to take away. */
static int
hold(struct stay *s)
{
	int fd;

	if (!s->done.undo.n && !s->done.rules)
		return -1;
	fd = keeper_hold(s->bridge, &s->nl->fd, 1, undo, s);
	if (fd < 0) {
		undo(s);
		errno = -fd;
		die_sys("a process that takes %s away again", s->bridge);
	}
	return fd;
}

int
verb_load(int argc, char **argv)
{
	struct netlink nl;
	struct stay s = { .nl = &nl };
	struct options o;
	char word[32];
	int fd;

	options_parse(&o, argc, argv, "+:a:b:fnO:qR:U:v");
	if (!*o.operands)
		die_usage("no program to keep %s for (to make it stay: vm-bridge add)", o.bridge);
	diag_exit = 125;
	if (netlink_open(&nl, NETLINK_ROUTE))
		die_sys("netlink");
	ensure(&nl, &o, (char *[]){ NULL }, &s.done);
	if (o.check) {
		flush_stdout();
		return 0;
	}
	s.bridge = o.bridge;
	fd = hold(&s);
	netlink_close(&nl);
	if (o.user)
		seal_user(o.user);
	backend_tell(o.ready_fd);
	if (fd >= 0) {
		snprintf(word, sizeof(word), "hold,fd=%d", fd_move_high(fd));
		wire_export(word);
	}
	wire_exec(o.operands);
}

/* SPDX-License-Identifier: ISC */
/* The loader: a bridge that is there as long as the program that it runs, and whoever else holds the wire. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
	const struct options *o;
	struct ensured done;
};

/* A bridge with all that is asked for is somebody else's, and nothing of it is ours to take away. */
static bool
make(void *arg)
{
	struct stay *s = arg;

	ensure(s->nl, s->o, (char *[]){ NULL }, &s->done);
	return s->done.undo.n || s->done.rules;
}

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
		ok &= barrier_remove(s->o->bridge);
	return !ok;
}

int
verb_load(int argc, char **argv)
{
	struct netlink nl;
	struct options o;
	struct stay s = { .nl = &nl, .o = &o };
	char word[32];
	int fd;

	options_parse(&o, argc, argv, "+:a:b:fnO:qR:U:v");
	if (!*o.operands)
		die_usage("no program to keep %s for (to make it stay: vm-bridge add)", o.bridge);
	diag_exit = 125;
	if (netlink_open(&nl, NETLINK_ROUTE))
		die_sys("netlink");
	if (o.check) {
		make(&s);
		flush_stdout();
		return 0;
	}
	/* Who takes it away makes it, so that nothing is left when this one is killed in between. */
	fd = keeper_hold(o.bridge, CAP_NET_ADMIN, &nl.fd, 1, make, undo, &s);
	if (fd == -ECANCELED)
		exit(diag_exit);
	if (fd < 0 && fd != -ENOENT)
		die("a process that makes %s, and takes it away again: %s", o.bridge, strerror(-fd));
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

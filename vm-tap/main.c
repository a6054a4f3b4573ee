/* SPDX-License-Identifier: ISC */
/* vm-tap: a tap, ready on its bridge, whose descriptor is left open for the program that runs next. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-tap/acl.h"
#include "vm-tap/handover.h"
#include "vm-tap/helper.h"
#include "vm-tap/list.h"
#include "vm-tap/macvtap.h"
#include "vm-tap/netns.h"
#include "vm-tap/rights.h"
#include "vm-tap/tap.h"
#include "vm-tap/watch.h"

/* Rights that are lent are for this: a tap of the kernel's choice on a bridge that the ACL allows. */
static bool
by_acl(const struct options *o)
{
	const struct want *w = &o->want;

	return o->mode <= MODE_SEND && w->bridge && !w->name && !w->mtu && !w->port.given && !o->netns && !o->user && !w->has_group;
}

static void
open_netlink(struct netlink *nl)
{
	int err = netlink_open(nl, NETLINK_ROUTE);

	if (err)
		die("netlink: %s", strerror(-err));
}

/* Makes the tap in the namespace that this process is in. The pipe is for the lifetime of a macvtap. */
static void
take(const struct options *o, struct tap *t, const int pipe[2])
{
	struct netlink nl;

	open_netlink(&nl);
	if (!o->want.lower) {
		tap_take(&nl, &o->want, t);
	} else {
		t->made = macvtap_add(&nl, &o->want, t);
		if (t->made)
			watch(&nl, t, pipe);
		macvtap_open(&o->want, t);
	}
	netlink_close(&nl);
}

/* A namespace cannot always be left again, so a child goes there and sends what it has made. */
static void
take_elsewhere(const struct options *o, struct tap *t, const int pipe[2])
{
	size_t n = WIRE_FDS_MAX;
	int sv[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0 || (pid = fork()) < 0)
		die_sys("-J %s", o->netns);
	if (!pid) {
		netns_enter(o->netns);
		take(o, t, pipe);
		_exit(fd_send(sv[1], t, sizeof(*t), t->fds, t->n) < 0);
	}
	close(sv[1]);
	if (fd_recv(sv[0], t, sizeof(*t), t->fds, &n) != sizeof(*t) || n != t->n)
		exit(diag_exit); /* it has said why */
	close(sv[0]);
	waitpid(pid, &status, 0);
}

static int
hand_over(const struct options *o, bool lent)
{
	int pipe[2] = {-1, -1};
	struct tap t = {0};

	if (o->want.lower && pipe2(pipe, O_CLOEXEC) < 0)
		die_sys("pipe");
	if (o->netns)
		take_elsewhere(o, &t, pipe);
	else
		take(o, &t, pipe);
	if (lent)
		rights_return();
	if (o->mode == MODE_SEND)
		return handover_send(o, &t);
	handover_exec(o, &t, t.made ? pipe[1] : -1);
}

static void
add(struct netlink *nl, const struct want *w)
{
	struct tap t;

	if (!(w->lower ? macvtap_add : tap_add)(nl, w, &t))
		note(1, "%s: there already", t.name);
	else if (!w->name || strchr(w->name, '%'))
		puts(t.name);
}

/* False, said why, when it cannot be deleted. What is gone is as it should be. */
static bool
del(struct netlink *nl, const char *name)
{
	struct link l;
	int err = link_get(nl, name, &l);

	if (err == -ENODEV) {
		note(1, "%s: not there", name);
		return true;
	}
	if (err)
		error("%s", nl->why);
	else if (!link_is_tap(&l) && !link_is_macvtap(&l))
		error("%s: no tap", name);
	else if (link_is_tap(&l) && l.held)
		error("%s: some process has it open", name);
	else if (link_delete(nl, &l))
		error("%s", nl->why);
	else
		return true;
	return false;
}

static int
run_verb(const struct options *o)
{
	struct netlink nl;
	int status = 0;

	if (o->netns)
		netns_enter(o->netns);
	open_netlink(&nl);
	switch (o->mode) {
	case MODE_ADD: add(&nl, &o->want); break;
	case MODE_LIST: list(&nl); break;
	default:
		for (char **name = o->rest; *name; name++)
			status |= !del(&nl, *name);
	}
	flush_stdout();
	return status;
}

int
main(int argc, char **argv)
{
	static struct options o;
	bool lent;

	diag_init(argv[0], 1);
	lent = rights_settle();
	if (helper_called(argv)) {
		helper(argv);
		return 0;
	}
	options_parse(&o, argc, argv);
	if (o.mode == MODE_LOADER)
		diag_exit = 125;
	if (lent && by_acl(&o))
		acl_demand(o.want.bridge);
	else if (lent)
		rights_return();
	if (o.mode > MODE_SEND)
		return run_verb(&o);
	return hand_over(&o, lent);
}

/* SPDX-License-Identifier: ISC */
/* vm-tap: a tap, ready on its bridge, whose descriptor is left open for the program that runs next. */
#include <errno.h>
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
#include "vm-tap/plan.h"
#include "vm-tap/rights.h"
#include "vm-tap/tap.h"

/* Rights that are lent are for this: a tap of the kernel's choice on a bridge that the ACL allows. */
static bool
by_acl(const struct options *o)
{
	const struct want *w = &o->want;

	return o->mode <= MODE_SEND && w->bridge && !w->name && !w->mtu && !w->port.given && !o->netns && !o->user;
}

static void
open_netlink(struct netlink *nl)
{
	int err = netlink_open(nl, NETLINK_ROUTE);

	if (err)
		die("netlink: %s", strerror(-err));
}

/* In the namespace that this process is in. */
static void
take(const struct options *o, struct tap *t)
{
	struct netlink nl;

	open_netlink(&nl);
	(o->want.lower ? macvtap_take : tap_take)(&nl, &o->want, t);
	netlink_close(&nl);
}

static void
send_tap(int sock, const struct tap *t)
{
	if (fd_send(sock, t, sizeof(*t), t->fds, t->n) < 0 || (t->hold >= 0 && fd_send(sock, "", 1, &t->hold, 1) < 0))
		die_sys("%s", t->name);
}

static bool
receive_tap(int sock, struct tap *t)
{
	size_t n = WIRE_FDS_MAX, one = 1;
	char byte;

	return fd_recv(sock, t, sizeof(*t), t->fds, &n) == sizeof(*t) && n == t->n &&
	       (t->hold < 0 || (fd_recv(sock, &byte, 1, &t->hold, &one) == 1 && one == 1));
}

/* A namespace cannot always be left again, so a child goes there and sends what it has made. */
static void
take_elsewhere(const struct options *o, struct tap *t)
{
	int sv[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0 || (pid = fork()) < 0)
		die_sys("-J %s", o->netns);
	if (!pid) {
		netns_enter(o->netns);
		take(o, t);
		send_tap(sv[1], t);
		_exit(0);
	}
	close(sv[1]);
	if (!receive_tap(sv[0], t))
		exit(diag_exit); /* it has said why */
	close(sv[0]);
	waitpid(pid, &status, 0);
}

static int
hand_over(const struct options *o, bool lent)
{
	struct tap t = {.hold = -1};

	(o->netns ? take_elsewhere : take)(o, &t);
	if (lent)
		rights_return();
	if (o->mode == MODE_SEND)
		return handover_send(o, &t);
	handover_exec(o, &t);
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

static bool
delete(struct netlink *nl, const struct link *l, bool check)
{
	struct netlink_batch b = {0};

	if (check) {
		printf("delete\t%s\n", l->name);
		return true;
	}
	link_delete(&b, l->index, l->name);
	if (!netlink_commit(nl, &b, NULL))
		return true;
	error("%s", nl->why);
	return false;
}

/* False, said why, when it cannot be deleted. What is gone is as it should be. */
static bool
del(struct netlink *nl, const char *name, bool check)
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
	else if (link_is_tap(&l) && l.carrier)
		error("%s: some process has it open", name);
	else
		return delete(nl, &l, check);
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
	case MODE_LIST: list(&nl, o->json); break;
	case MODE_DEL:
		for (char **name = o->rest; *name; name++)
			status |= !del(&nl, *name, o->check);
		break;
	default:
		if (o->check)
			plan(&nl, o);
		else
			add(&nl, &o->want);
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
	if (o.mode <= MODE_SEND && !o.check)
		return hand_over(&o, lent);
	return run_verb(&o);
}

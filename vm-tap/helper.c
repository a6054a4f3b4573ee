/* SPDX-License-Identifier: ISC */
/* The bridge helper's form (QEMU: net_bridge_run_helper in net/tap.c); the contracts are in helper.h. */
#include <limits.h>
#include <string.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/iface.h"
#include "common/num.h"
#include "vm-tap/acl.h"
#include "vm-tap/helper.h"
#include "vm-tap/rights.h"
#include "vm-tap/tap.h"

/* The value of --KEY=VALUE or --KEY VALUE, or NULL when it is another option. */
static const char *
value_of(char ***argv, const char *key)
{
	size_t len = strlen(key);

	if (strncmp(**argv, key, len))
		return NULL;
	if ((**argv)[len] == '=')
		return **argv + len + 1;
	return (**argv)[len] || !(*argv)[1] ? NULL : *++*argv;
}

/* Its first argument tells: what stands behind options of our own may be a program's. */
bool
helper_called(char **argv)
{
	const char *first = *argv ? argv[1] : NULL;

	return first && (!strcmp(first, "--use-vnet") || !strncmp(first, "--br", 4) || !strncmp(first, "--fd", 4));
}

static int
parse(char **argv, struct want *w)
{
	const char *value, *why;
	uint64_t fd = INT_MAX;

	while (*++argv) {
		if (!strcmp(*argv, "--use-vnet"))
			w->plain = false;
		else if ((value = value_of(&argv, "--br")))
			w->bridge = value;
		else if (!(value = value_of(&argv, "--fd")) || !num_parse(value, 0, INT_MAX, &fd))
			die_usage("%s: not an option of the bridge helper", *argv);
	}
	if (!w->bridge || fd == INT_MAX)
		die_usage("usage: %s [--use-vnet] --br=BRIDGE --fd=N", diag_prog);
	why = iface_name_fault(w->bridge);
	if (why)
		die_usage("--br=%s: %s", w->bridge, why);
	return (int)fd;
}

void
helper(char **argv)
{
	struct want w = {.queues = 1, .plain = true};
	struct netlink nl;
	int sock = parse(argv, &w), err;
	struct tap t;

	acl_demand(w.bridge);
	err = netlink_open(&nl, NETLINK_ROUTE);
	if (err)
		die("netlink: %s", strerror(-err));
	tap_take(&nl, &w, &t);
	rights_return(); /* the socket is the caller's, whatever it is */
	if (fd_send(sock, "", 1, t.fds, 1) != 1)
		die_sys("--fd=%d", sock);
}

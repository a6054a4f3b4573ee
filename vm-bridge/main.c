/* SPDX-License-Identifier: ISC */
/* vm-bridge: the segments that guests are plugged into. The first word says what to do; an option in its place, a loader. */
#include <string.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-bridge/verbs.h"

static const char usage[] =
    "usage: vm-bridge add [-fnqv] [-a address] [-O setting] bridge [port ...]\n"
    "       vm-bridge set [-qv] [-O setting] bridge\n"
    "       vm-bridge del [-fqv] bridge [port ...]\n"
    "       vm-bridge adopt [-fqv] [-d dir] [-t seconds] bridge nic\n"
    "       vm-bridge confirm|release [-qv] [-d dir] bridge\n"
    "       vm-bridge list [-j]\n"
    "       vm-bridge show|fdb [-j] bridge\n"
    "       vm-bridge idle [-t seconds] bridge [program [argument ...]]\n"
    "       vm-bridge [-fnqv] [-a address] [-O setting] [-R fd] [-U user] [-b bridge] program [argument ...]\n"
    "       vm-bridge pair [cable] path | - program [argument ...]\n"
    "       vm-bridge hub [cable] [-C path] [-l address] path program [argument ...]\n"
    "       vm-bridge hub [-C path] -l address [-R fd] [-w wire]\n"
    "       vm-bridge listen|connect [cable] [-1] [-w wire] address [program [argument ...]]\n"
    "       vm-bridge udp|mcast [cable] [-l address] [-O setting] [-w wire] address [program [argument ...]]\n"
    "cable:   [-qv] [-R fd] [-S socket] [-U user] [-u mtu]\n";

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
    {"add", verb_add},
    {"set", verb_set},
    {"del", verb_del},
    {"idle", verb_idle},
    {"adopt", verb_adopt},
    {"confirm", verb_confirm},
    {"release", verb_release},
    {"list", verb_list},
    {"show", verb_show},
    {"fdb", verb_fdb},
    {"pair", verb_pair},
    {"hub", verb_hub},
    {"listen", verb_listen},
    {"connect", verb_connect},
    {"udp", verb_udp},
    {"mcast", verb_mcast},
};

int
main(int argc, char **argv)
{
	diag_init(argv[0], 1);
	diag_long_options(argc, argv, usage);
	if (argc < 2)
		die_usage("no verb (try --help)");
	if (argv[1][0] == '-')
		return verb_load(argc, argv);
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return verbs[i].run(argc - 1, argv + 1);
	die_usage("%s: no such verb (try --help)", argv[1]);
}

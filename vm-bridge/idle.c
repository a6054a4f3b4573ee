/* SPDX-License-Identifier: ISC */
/*
 * vm-bridge idle: wait until nothing is plugged into a bridge any more. A guest that was killed unplugs itself: when the last
 * copy of its tap's descriptor is closed, so whoever waits on its behalf must not hold one.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/link.h"
#include "common/num.h"
#include "common/timer.h"
#include "common/wire.h"
#include "vm-bridge/verbs.h"

/* Also true of one that is gone. */
static bool
idle(struct netlink *nl, const char *name)
{
	struct links ls = { 0 };
	int bridge = 0;
	bool used = false;

	links_load(nl, &ls);
	for (size_t i = 0; i < ls.n; i++)
		if (link_is_bridge(&ls.v[i]) && !strcmp(ls.v[i].name, name))
			bridge = ls.v[i].index;
	for (size_t i = 0; bridge && i < ls.n; i++)
		used = used || ls.v[i].master == bridge;
	links_free(&ls);
	return !used;
}

/* Waits for news of interfaces; false when the time is over. What they say is not read: news were lost when the socket
 * overflowed, so the state itself is looked at each time. */
static bool
wait_news(int fd, int64_t end)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t left = end < 0 ? -1 : end - timer_now();
	char buf[8192];

	if (end >= 0 && left <= 0)
		return false;
	if (poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left) < 0 && errno != EINTR)
		die_sys("poll");
	while (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	return true;
}

/* Of what a script's caller had open, only what is held on purpose. */
static void
leave_fds(void)
{
	int held[WIRE_FDS_MAX];

	fd_close_others(held, wire_held(held, WIRE_FDS_MAX));
}

int
verb_idle(int argc, char **argv)
{
	struct netlink nl, news;
	int64_t end = -1;
	char **program;
	int opt;

	while ((opt = getopt(argc, argv, "+t:")) != -1) {
		if (opt != 't')
			die_usage("idle: see --help");
		end = timer_now() + (int64_t)num_opt('t', optarg, 0, 1000000000) * 1000;
	}
	if (optind == argc)
		die_usage("idle takes the name of a bridge (try --help)");
	program = argv + optind + 1;
	if (*program)
		leave_fds();
	if (netlink_open(&nl, NETLINK_ROUTE) || netlink_listen(&news, NETLINK_ROUTE, RTNLGRP_LINK))
		die_sys("netlink");
	while (!idle(&nl, argv[optind]))
		if (!wait_news(news.fd, end))
			return 1;
	if (*program)
		wire_exec(program);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* wire-tap [-P] [-d TUN] [-k KEYS] [-q QUEUES] IFNAME PROG ...: a tap of the present network namespace as a net wire; -P: plain, without vnet header. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/wire.h"

static int
open_queue(const char *tun, const char *ifname, short flags)
{
	struct ifreq ifr = {.ifr_flags = flags};
	int fd = open(tun, O_RDWR);

	if (fd < 0)
		die_sys("%s", tun);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		die_sys("%s", ifname);
	return fd_move_high(fd);
}

int
main(int argc, char **argv)
{
	const char *tun = "/dev/net/tun", *keys = NULL;
	char word[WIRE_TEXT_MAX] = "net,fd=";
	uint64_t queues = 1;
	short flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
	int opt;

	diag_init(argv[0], 125);
	while ((opt = getopt(argc, argv, "+Pd:k:q:")) != -1)
		switch (opt) {
		case 'P':
			flags &= ~IFF_VNET_HDR;
			break;
		case 'd':
			tun = optarg;
			break;
		case 'k':
			keys = optarg;
			break;
		case 'q':
			queues = num_opt('q', optarg, 1, WIRE_FDS_MAX);
			break;
		default:
			die_usage("usage: wire-tap [-P] [-d TUN] [-k KEYS] [-q QUEUES] IFNAME PROG ...");
		}
	if (argc - optind < 2)
		die_usage("usage: wire-tap [-P] [-d TUN] [-k KEYS] [-q QUEUES] IFNAME PROG ...");
	if (queues > 1)
		flags |= IFF_MULTI_QUEUE;
	for (uint64_t i = 0; i < queues; i++)
		snprintf(word + strlen(word), sizeof(word) - strlen(word), "%s%d", i ? ":" : "",
		    open_queue(tun, argv[optind], flags));
	if (keys)
		snprintf(word + strlen(word), sizeof(word) - strlen(word), ",%s", keys);
	wire_export(word);
	wire_exec(argv + optind + 1);
}

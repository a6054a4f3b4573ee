/* SPDX-License-Identifier: ISC */
/*
 * wire-inet -l PORT | -c PORT | -g GROUP:PORT PROG ...: a net wire over 127.0.0.1: the accepted or the connecting end of a
 * TCP connection, or a UDP socket bound to a multicast group on lo.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/wire.h"

#define USAGE "usage: wire-inet -l PORT | -c PORT | -g GROUP:PORT PROG ..."

static struct sockaddr_in
address(const char *ip, const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};

	a.sin_port = htons((uint16_t)num_opt('p', port, 1, 65535));
	if (inet_pton(AF_INET, ip, &a.sin_addr) != 1)
		die_usage("%s: not an IPv4 address", ip);
	return a;
}

static int
new_socket(int type)
{
	int one = 1, fd = socket(AF_INET, type, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		die_sys("socket");
	return fd;
}

static int
accept_one(const char *port)
{
	struct sockaddr_in a = address("127.0.0.1", port);
	int fd = new_socket(SOCK_STREAM), peer;

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0)
		die_sys("port %s", port);
	peer = accept(fd, NULL, NULL);
	if (peer < 0)
		die_sys("accept");
	close(fd);
	return peer;
}

/* Tries until somebody listens: the other end may be starting. */
static int
connect_to(const char *port)
{
	struct sockaddr_in a = address("127.0.0.1", port);

	for (int tries = 0; tries < 600; tries++) {
		int fd = new_socket(SOCK_STREAM);

		if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
			return fd;
		close(fd);
		usleep(100000);
	}
	die_sys("port %s", port);
}

static int
join(char *group)
{
	char *colon = strchr(group, ':');
	struct ip_mreqn m = {0};
	struct sockaddr_in a;
	int fd = new_socket(SOCK_DGRAM);

	if (!colon)
		die_usage(USAGE);
	*colon = '\0';
	a = address(group, colon + 1);
	m.imr_multiaddr = a.sin_addr;
	m.imr_address.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof(m)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &m, sizeof(m)) < 0)
		die_sys("group %s", group);
	return fd;
}

int
main(int argc, char **argv)
{
	char word[WIRE_TEXT_MAX];
	int opt, fd = -1;

	diag_init(argv[0], 125);
	while ((opt = getopt(argc, argv, "+c:g:l:")) != -1)
		switch (opt) {
		case 'c':
			fd = connect_to(optarg);
			break;
		case 'g':
			fd = join(optarg);
			break;
		case 'l':
			fd = accept_one(optarg);
			break;
		default:
			die_usage(USAGE);
		}
	if (fd < 0 || optind == argc)
		die_usage(USAGE);
	snprintf(word, sizeof(word), "net,fd=%d", fd_move_high(fd));
	wire_export(word);
	wire_exec(argv + optind);
}

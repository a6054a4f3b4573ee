/* SPDX-License-Identifier: ISC */
/*
 * flurry [-c AT_ONCE] COUNT ADDRESS PORT: so many TCP connections, each of which sends a byte, gets it back, and is closed by the
 * other end; that is flurry PORT, which serves for ever and prints a line when it does. Prints how many failed, if any did.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"

#define AT_ONCE_MAX 1000
#define PATIENCE_MS 60000

static unsigned
number(const char *word, unsigned max)
{
	uint64_t v;

	if (!num_parse(word, 1, max, &v))
		die_usage("%s: not a number from 1 to %u", word, max);
	return (unsigned)v;
}

static _Noreturn void
serve(unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int s = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	char byte;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(s, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s, AT_ONCE_MAX) < 0)
		die_sys("port %u", port);
	puts("serving");
	fflush(stdout);
	for (;;) {
		int c = accept(s, NULL, NULL);

		if (c < 0)
			die_sys("accept");
		if (recv(c, &byte, 1, 0) == 1)
			send(c, &byte, 1, MSG_NOSIGNAL);
		close(c);
	}
}

/* One that is under way, or fails at once: -1. */
static int
dial(const struct sockaddr_in *to)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd < 0)
		die_sys("socket");
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

enum step { GOES_ON, DONE, FAILED };

static enum step
go_on(struct pollfd *p, bool *echoed)
{
	char byte = 'x';
	ssize_t n;

	if (p->events == POLLOUT) {
		p->events = POLLIN;
		return send(p->fd, &byte, 1, MSG_NOSIGNAL) == 1 ? GOES_ON : FAILED;
	}
	n = recv(p->fd, &byte, 1, 0);
	if (n == 1 && !*echoed) {
		*echoed = true;
		return GOES_ON;
	}
	return n == 0 && *echoed ? DONE : FAILED;
}

int
main(int argc, char **argv)
{
	static struct pollfd p[AT_ONCE_MAX];
	static bool echoed[AT_ONCE_MAX];
	struct sockaddr_in to = {.sin_family = AF_INET};
	unsigned at_once = 50, count, begun = 0, done = 0, failed = 0;

	diag_init(argv[0], 1);
	if (argc == 2)
		serve(number(argv[1], 65535));
	for (int c; (c = getopt(argc, argv, "+c:")) != -1;)
		at_once = c == 'c' ? number(optarg, AT_ONCE_MAX) : at_once;
	if (argc - optind != 3 || inet_pton(AF_INET, argv[optind + 1], &to.sin_addr) != 1)
		die_usage("usage: flurry [-c AT_ONCE] COUNT ADDRESS PORT | flurry PORT");
	count = number(argv[optind], 10000000);
	to.sin_port = htons((uint16_t)number(argv[optind + 2], 65535));
	for (unsigned i = 0; i < at_once; i++)
		p[i].fd = -1;
	while (done < count) {
		for (unsigned i = 0; i < at_once && begun < count; i++) {
			if (p[i].fd >= 0)
				continue;
			p[i] = (struct pollfd){.fd = dial(&to), .events = POLLOUT};
			echoed[i] = false;
			begun++;
			if (p[i].fd < 0) {
				failed++;
				done++;
			}
		}
		if (done < begun && poll(p, at_once, PATIENCE_MS) <= 0)
			die("%u of %u have come to nothing", begun - done, count);
		for (unsigned i = 0; i < at_once; i++) {
			enum step step = p[i].fd >= 0 && p[i].revents ? go_on(&p[i], &echoed[i]) : GOES_ON;

			if (step == GOES_ON)
				continue;
			close(p[i].fd);
			p[i].fd = -1;
			failed += step == FAILED;
			done++;
		}
	}
	if (failed)
		die("%u of %u failed", failed, count);
	return 0;
}

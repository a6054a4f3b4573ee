/* SPDX-License-Identifier: ISC */
/*
 * wire-take SOCKET: a consumer on the socket carrier. Says "ready", takes one request, answers it as a machine with one
 * wire net0 would, and prints the wire and the first line that each descriptor holds.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/wire.h"

static void
print_fd(int fd)
{
	char line[80];
	ssize_t n = pread(fd, line, sizeof(line) - 1, 0);

	line[n < 0 ? 0 : n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	printf("\t%s", line);
}

static const char *
take(struct wires *ws, const char *line, const int *fds, size_t n)
{
	static char why[200];
	struct wire_faults f = {.why = why, .size = sizeof(why)};
	const char *bad;
	struct wire *w;

	if (strncmp(line, "wire ", 5))
		return "not a wire";
	w = wires_plug(ws, line + 5, strlen(line + 5), fds, n, &bad);
	if (!w)
		return bad;
	wires_check_one(ws, w, &f);
	if (f.n) {
		wires_unplug(ws, w);
		return why;
	}
	printf("%s\t%s", w->id, wire_kind_name(w->kind));
	for (size_t i = 0; i < w->nfds; i++)
		print_fd(w->fds[i]);
	puts("");
	return NULL;
}

int
main(int argc, char **argv)
{
	static struct wires ws;
	int listener, sock, fds[FD_PASS_MAX];
	size_t n = FD_PASS_MAX;
	const char *why;
	char line[1024];
	ssize_t len;

	diag_init(argv[0], 1);
	if (argc != 2)
		die_usage("usage: wire-take SOCKET");
	wires_add(&ws, "net,fd=0", strlen("net,fd=0"));
	listener = fd_listen_unix(argv[1]);
	if (listener < 0)
		die_sys("%s", argv[1]);
	puts("ready");
	flush_stdout();
	poll(&(struct pollfd){.fd = listener, .events = POLLIN}, 1, -1);
	sock = accept(listener, NULL, NULL);
	len = fd_recv(sock, line, sizeof(line) - 1, fds, &n);
	if (len <= 0)
		die_sys("%s", argv[1]);
	line[len] = '\0';
	line[strcspn(line, "\n")] = '\0';
	why = take(&ws, line, fds, n);
	if (why)
		dprintf(sock, "no %s\n", why);
	else
		dprintf(sock, "ok %s\n", ws.v[ws.n - 1].id);
	flush_stdout();
	return why != NULL;
}

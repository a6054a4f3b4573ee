/* links: vm-vnc/front.c vm-vnc/doors.c vm-vnc/meeting.c vm-vnc/policy.c vm-vnc/policy_words.c vm-vnc/peer.c vm-vnc/throttle.c vm-vnc/names.c vm-vnc/users.c vm-vnc/vncauth.c vm-vnc/secret_file.c vm-vnc/tls.c vm-vnc/stream.c vm-vnc/ws_frame.c vm-vnc/http_request.c vm-vnc/web.c vm-vnc/web_file.c vm-vnc/web_upgrade.c vm-vnc/hello.c vm-vnc/hello_sasl.c vm-vnc/vencrypt.c vm-vnc/ask.c vm-vnc/clerk.c vm-vnc/clerk_run.c vm-vnc/clerk_sasl.c vm-vnc/gate.c vm-vnc/pump.c */
/* SPDX-License-Identifier: ISC */
/*
 * vnc-front [-R fd] [-v] [-a ADDRESS] [-d DIR] [-O SETTING] [-l ADDRESS] [-W ADDRESS]: the front of vm-vnc alone. A line says who
 * was let in; he gets a screen of one colour, 64 by 48, and keys that he presses are lines, too. Lines of standard input are those
 * of a control socket.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/ready.h"
#include "vm-vnc/front.h"

#define WIDTH 64
#define HEIGHT 48
#define COLOUR 0x00336699

static bool
get(int fd, void *buf, size_t n)
{
	return fd_read_all(fd, buf, n) == (ssize_t)n;
}

static bool
skip(int fd, size_t n)
{
	char byte;

	while (n--)
		if (!get(fd, &byte, 1))
			return false;
	return true;
}

/* RFC 6143, 7.3: 32 bits a pixel, little endian. */
static bool
begin(int fd)
{
	static const uint8_t format[16] = {32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0};
	uint8_t shared, init[24] = {0};

	put_be16(init, WIDTH);
	put_be16(init + 2, HEIGHT);
	memcpy(init + 4, format, sizeof(format));
	put_be32(init + 20, 4);
	return get(fd, &shared, 1) && fd_write_all(fd, init, sizeof(init)) > 0 && fd_write_all(fd, "test", 4) > 0;
}

/* All of it, raw, whatever was asked for. */
static bool
update(int fd)
{
	static uint8_t picture[16 + 4 * WIDTH * HEIGHT];

	put_be16(picture + 2, 1);
	put_be16(picture + 8, WIDTH);
	put_be16(picture + 10, HEIGHT);
	for (size_t i = 0; i < WIDTH * HEIGHT; i++)
		put_le32(picture + 16 + 4 * i, COLOUR);
	return skip(fd, 9) && fd_write_all(fd, picture, sizeof(picture)) > 0;
}

static bool
key(int fd, unsigned id)
{
	uint8_t m[7];

	if (!get(fd, m, sizeof(m)))
		return false;
	printf("key\t%u\t%s\t%x\n", id, m[0] ? "down" : "up", get_be32(m + 3));
	return true;
}

static bool
counted(int fd, size_t before, size_t each)
{
	uint8_t head[8];

	return get(fd, head, before + 2 * each) &&
	    skip(fd, each == 1 ? 4 * (size_t)get_be16(head + before) : (size_t)get_be32(head + before));
}

static void
show(int fd, unsigned id)
{
	uint8_t kind;
	bool good = begin(fd);

	while (good && get(fd, &kind, 1)) {
		switch (kind) {
		case 0: good = skip(fd, 19); break;
		case 2: good = counted(fd, 1, 1); break;
		case 3: good = update(fd); break;
		case 4: good = key(fd, id); break;
		case 5: good = skip(fd, 5); break;
		case 6: good = counted(fd, 3, 2); break;
		default: good = false;
		}
		fflush(stdout);
	}
	printf("gone\t%u\n", id);
	fflush(stdout);
}

static void
admitted(void *arg, const struct front_guest *g)
{
	static unsigned id;

	(void)arg;
	printf("admitted\t%u\t%s\t%s\t%s\n", ++id, g->how, *g->user ? g->user : "-", g->view_only ? "view" : "full");
	fflush(stdout);
	if (!fork()) {
		front_forked();
		show(g->fd, id);
		_exit(0);
	}
	close(g->fd);
}

static void
told(struct watch *w, uint32_t events)
{
	char line[512];
	const char *why = "no such verb";
	ssize_t n = read(w->fd, line, sizeof(line) - 1);
	struct control_fds fds = {.n = 0};

	(void)events;
	if (n <= 0) {
		loop_unwatch(w);
		return;
	}
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (front_control(line, &fds, stdout, &why) && !why)
		puts("ok");
	else
		printf("no %s\n", why);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	struct watch in = {.fd = 0, .handler = told};
	struct loop l;
	int c, ready = -1;

	diag_init(argv[0], 1);
	while ((c = getopt(argc, argv, "+a:d:l:O:R:vW:")) != -1)
		if (c == 'v')
			diag_verbose++;
		else if (c == 'R')
			ready = (int)num_opt('R', optarg, 3, 1 << 20);
		else if (c == '?' || !front_option(c, optarg))
			die_usage("see the head of tests/tools/vnc-front.c");
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	front_open();
	if (loop_init(&l) < 0 || front_start(&l, admitted, NULL) < 0)
		die("loop");
	loop_watch(&l, &in, EPOLLIN); /* unless it is a file, of which nothing is to be waited for */
	ready_announce(ready);
	loop_run(&l);
	front_stop();
	return 0;
}

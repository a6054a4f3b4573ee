/* SPDX-License-Identifier: ISC */
/* A display of our own; the contracts are in display.h. */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-vnc/display.h"

static union fb_message message;

int
display_attach(const char *control)
{
	int sv[2], sock = fd_connect_unix(control);
	char answer[256] = "";
	ssize_t n;

	if (sock < 0)
		die_sys("-C %s", control);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		die_sys("socketpair");
	if (fd_send(sock, "display\n", 8, &sv[1], 1) != 8)
		die_sys("-C %s", control);
	n = fd_read_all(sock, answer, 3);
	if (n != 3 || strcmp(answer, "ok\n")) {
		if (n == 3 && read(sock, answer + 3, sizeof(answer) - 4) < 0)
			die_sys("-C %s", control);
		answer[strcspn(answer, "\n")] = '\0';
		die("-C %s: %s", control, answer);
	}
	close(sv[1]);
	close(sock);
	return sv[0];
}

void
display_ask(const struct display *d, bool all)
{
	message.ask = (struct fb_ask){FB_ASK, all ? FB_ASK_ALL : 0};
	fb_send(d->wire, &message, -1);
}

static void
take_mode(struct display *d, int fd)
{
	if (d->mem)
		munmap((void *)(uintptr_t)d->mem, d->mode.size);
	d->mem = NULL;
	d->mode = message.mode;
	if (fd < 0)
		return;
	d->mem = mmap(NULL, d->mode.size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (d->mem == MAP_FAILED)
		die_sys("the picture");
}

uint32_t
display_take(struct display *d)
{
	const char *why = NULL;
	int fd;

	if (fb_recv(d->wire, true, &message, &fd, &why) <= 0) {
		if (why)
			error("the machine sent %s", why);
		return 0;
	}
	if (message.kind == FB_MODE)
		take_mode(d, fd);
	return message.kind;
}

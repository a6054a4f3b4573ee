/* SPDX-License-Identifier: ISC */
/* Readiness; the contracts are in ready.h. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/ready.h"

static int notify_fd = -1;

void
ready_prepare(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof(un.sun_path))
		return;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@') /* the abstract name space */
		un.sun_path[0] = '\0';
	unsetenv("NOTIFY_SOCKET");
	notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (notify_fd >= 0 &&
	    connect(notify_fd, (struct sockaddr *)&un, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0) {
		warn_sys("NOTIFY_SOCKET: %s", path);
		close(notify_fd);
		notify_fd = -1;
	}
}

void
ready_announce(int fd)
{
	static const char ready[] = "READY=1";

	ready_prepare();
	if (notify_fd >= 0) {
		if (write(notify_fd, ready, sizeof(ready) - 1) < 0)
			warn_sys("NOTIFY_SOCKET");
		close(notify_fd);
		notify_fd = -1;
	}
	if (fd < 0)
		return;
	if (write(fd, "\n", 1) != 1)
		die_sys("-R %d", fd);
	close(fd);
}

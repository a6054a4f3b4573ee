/* SPDX-License-Identifier: ISC */
/* Other network namespaces (network_namespaces(7)); the contract is in netns.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "vm-tap/netns.h"

static int
open_ns(const char *word)
{
	char path[4096];
	uint64_t pid;
	int fd;

	if (num_parse(word, 1, INT32_MAX, &pid))
		snprintf(path, sizeof(path), "/proc/%u/ns/net", (unsigned)pid);
	else
		snprintf(path, sizeof(path), "%s%s", strchr(word, '/') ? "" : "/run/netns/", word);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		die_sys("-J %s: %s", word, path);
	return fd;
}

void
netns_enter(const char *word)
{
	int fd = open_ns(word), owner;

	if (setns(fd, CLONE_NEWNET) < 0 && errno == EPERM) {
		owner = ioctl(fd, NS_GET_USERNS);
		if (owner < 0 || setns(owner, CLONE_NEWUSER) < 0 || setns(fd, CLONE_NEWNET) < 0)
			die("-J %s: Operation not permitted: it is neither root's nor this user's", word);
		close(owner);
	} else if (errno == EINVAL) {
		die("-J %s: not a network namespace", word);
	}
	close(fd);
}

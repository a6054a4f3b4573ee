/* SPDX-License-Identifier: ISC */
/* Device files; the contract is in node.h. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "vm-tap/node.h"

/* A file system that is mounted nowhere. */
static int
private_dir(void)
{
	int fs = fsopen("tmpfs", FSOPEN_CLOEXEC), dir;

	if (fs < 0)
		return -1;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fd_close_failed(fs);
	dir = fsmount(fs, FSMOUNT_CLOEXEC, 0);
	if (dir < 0)
		return fd_close_failed(fs);
	close(fs);
	return dir;
}

static int
open_private(dev_t dev)
{
	int dir = private_dir(), fd;

	if (dir < 0)
		return -1;
	if (mknodat(dir, "node", S_IFCHR | 0600, dev) < 0)
		return fd_close_failed(dir);
	fd = openat(dir, "node", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return fd_close_failed(dir);
	close(dir);
	return fd;
}

int
node_open(const char *path, dev_t dev)
{
	struct stat st;
	int fd, err;

	if (stat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == dev) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 || errno != EACCES)
			return fd;
		err = EACCES;
	} else {
		err = ENOENT;
	}
	fd = open_private(dev);
	if (fd < 0)
		errno = err; /* the reason that somebody can do something about */
	return fd;
}

/* SPDX-License-Identifier: ISC */
/* Files below one directory; the contracts are in tftp_file.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-dhcpd/tftp_file.h"

/* The kernel does the confining, in the one walk that opens the file: nothing can be exchanged between check and use. */
static int
open_beneath(int root, const char *name, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};

	return (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
}

int
tftp_root_open(const char *dir)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), probe;

	if (fd < 0)
		die_sys("-T %s", dir);
	probe = open_beneath(fd, ".", O_PATH);
	if (probe < 0)
		die_sys("-T %s: openat2 (Linux 5.6)", dir);
	close(probe);
	return fd;
}

int
tftp_file_open(int root, const char *name, uint64_t *size)
{
	struct stat st;
	int fd;

	name += strspn(name, "/");
	/* Non-blocking: a FIFO without a writer would hold up everybody. */
	fd = open_beneath(root, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return fd_close_failed(fd);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & S_IROTH)) {
		errno = EACCES;
		return fd_close_failed(fd);
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

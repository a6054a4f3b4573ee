/* SPDX-License-Identifier: ISC */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/fd.h"
#include "vm-img/spool.h"

#define CHUNK (1 << 20)

int
spool_new(void)
{
	const char *dir = getenv("TMPDIR");
	char path[4096];
	int fd;

	if (!dir || !*dir)
		dir = "/var/tmp";
	fd = open(dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "%s/vm-img.XXXXXX", dir) >= (int)sizeof(path))
		die("TMPDIR: the name is too long");
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		die_sys("%s", dir);
	unlink(path);
	return fd;
}

/* Zeroes are left out: what was not written reads as such. */
int
spool_input(int from)
{
	char *buf = malloc(CHUNK);
	int fd = spool_new();
	off_t at = 0;
	ssize_t n = 0;

	if (!buf)
		die_sys("memory");
	while ((n = fd_read_all(from, buf, CHUNK)) > 0) {
		if (!bytes_zero(buf, (size_t)n) && (lseek(fd, at, SEEK_SET) < 0 || fd_write_all(fd, buf, (size_t)n) < 0))
			die_sys("the temporary file for what is read from a pipe (TMPDIR says where)");
		at += n;
	}
	if (n < 0)
		die_sys("standard input");
	if (ftruncate(fd, at) < 0)
		die_sys("the temporary file for what is read from a pipe (TMPDIR says where)");
	free(buf);
	return fd;
}

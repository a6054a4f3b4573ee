/* SPDX-License-Identifier: ISC */
/* Files by their names; the contracts are in path.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/disk.h"
#include "vm-img/path.h"

/* A colon before any slash is what parts a protocol from the rest (QEMU: block.c); ./ before the name says it is a file. */
const char *
path_plain(const char *name, struct why *w)
{
	size_t n = strcspn(name, ":/");

	if (name[n] != ':')
		return name;
	if (!strncmp(name, "file:", 5))
		return name + 5;
	why(w, "%.*s: is not a file, and protocols are not spoken here (./ before the name of a file)", (int)n, name);
	return NULL;
}

char *
path_beside(const char *base, const char *name)
{
	const char *slash = strrchr(base, '/');
	char *path;

	if (!strncmp(name, "file:", 5))
		name += 5;
	/* A name with a colon is left as it is, so that it is refused as what it looks like. */
	if (*name == '/' || !slash || name[strcspn(name, ":/")] == ':')
		slash = base - 1;
	if (asprintf(&path, "%.*s%s", (int)(slash + 1 - base), base, name) < 0)
		die_sys("memory");
	return path;
}

/* Opening a device can do something, or wait: so what it is comes first. */
static bool
fit(const char *path, struct why *w)
{
	struct stat st;

	if (stat(path, &st) < 0)
		why(w, "%s", strerror(errno));
	else if (S_ISREG(st.st_mode) || S_ISBLK(st.st_mode))
		return true;
	else
		why(w, "%s", S_ISDIR(st.st_mode) ? strerror(EISDIR) : "neither a file nor a block device");
	return false;
}

struct file *
path_open(const char *path, const struct path_how *how, struct why *w)
{
	const char *plain = path_plain(path, w), *locked = NULL;
	struct file *f;
	int fd;

	if (!plain || !fit(plain, w))
		return NULL;
	fd = open(plain, (how->write ? O_RDWR : O_RDONLY) | (how->sync ? O_DSYNC : 0) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		why(w, "%s", strerror(errno));
		return NULL;
	}
	if (!how->share)
		locked = disk_lock(fd, how->write);
	if (locked) {
		why(w, "%s%s", locked, how->write ? "" : "; -U reads it all the same");
		close(fd);
		return NULL;
	}
	f = file_open_fd(fd, plain, w);
	if (!f)
		close(fd);
	return f;
}

bool
path_same(const char *a, const char *b)
{
	struct stat x, y;

	if (stat(a, &x) < 0 || stat(b, &y) < 0)
		return false;
	if (S_ISBLK(x.st_mode) && S_ISBLK(y.st_mode))
		return x.st_rdev == y.st_rdev;
	return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

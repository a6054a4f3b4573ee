/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/disk.h"
#include "vm-img/output_place.h"

#define LINKS_MAX 40 /* as the kernel */

/* Cuts path at its last slash into the directory and the name, which is not empty. */
static const char *
split(char *path, const char **dir, const char **name, struct why *w)
{
	char *slash = strrchr(path, '/');

	*dir = !slash ? "." : slash == path ? "/" : path;
	*name = slash ? slash + 1 : path;
	if (slash)
		*slash = '\0';
	if (!**name || strlen(*name) > NAME_MAX)
		return why(w, "%s", strerror(**name ? ENAMETOOLONG : EISDIR));
	return NULL;
}

/* One step: p->dir becomes the directory of `path`, seen from the one before. */
static const char *
step(struct place *p, char *path, struct why *w)
{
	const char *dir, *name, *no = split(path, &dir, &name, w);
	int fd;

	if (no)
		return no;
	fd = openat(p->dir < 0 ? AT_FDCWD : p->dir, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) /* it may be searched only */
		fd = openat(p->dir < 0 ? AT_FDCWD : p->dir, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return why(w, "%s", strerror(errno));
	if (p->dir >= 0)
		close(p->dir);
	p->dir = fd;
	strcpy(p->name, name);
	return NULL;
}

/* The links of /proc/PID/fd are the open files themselves, whatever path they show. */
static bool
in_proc(int dir)
{
	struct statfs fs;

	return !fstatfs(dir, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

/* Follows links to the name that is none. */
static const char *
follow(struct place *p, const char *path, struct why *w)
{
	char text[PATH_MAX];
	const char *no;
	ssize_t n;

	if (strlen(path) >= sizeof(text))
		return why(w, "%s", strerror(ENAMETOOLONG));
	strcpy(text, path);
	for (int links = 0; links < LINKS_MAX; links++) {
		no = step(p, text, w);
		if (no)
			return no;
		if (in_proc(p->dir)) {
			p->in_place = true;
			return NULL;
		}
		n = readlinkat(p->dir, p->name, text, sizeof(text) - 1);
		if (n < 0)
			return NULL;
		text[n] = '\0';
	}
	return why(w, "%s", strerror(ELOOP));
}

/* Is another file system, or another file, mounted over this very name? */
static bool
mounted(const struct place *p)
{
	struct statx sx;

	return !statx(p->dir, p->name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &sx) && sx.stx_attributes & STATX_ATTR_MOUNT_ROOT;
}

const char *
place_find(struct place *p, const char *path, struct why *w)
{
	const char *no = follow(p, path, w);
	struct stat st;

	if (no)
		return no;
	p->old = openat(p->dir, p->name, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (p->old < 0)
		return errno == ENOENT && !p->in_place ? NULL : why(w, "%s", strerror(errno));
	if (fstat(p->old, &st) < 0)
		return why(w, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return why(w, "neither a file nor a block device");
	p->in_place |= !S_ISREG(st.st_mode) || mounted(p);
	no = disk_lock(p->old, true);
	return no ? why(w, "%s", no) : NULL;
}

void
place_copy_mode(const struct place *p, int fd)
{
	struct stat st;

	if (p->old < 0 || fstat(p->old, &st) < 0)
		return;
	/* An owner's change takes set-id bits away, so the mode comes last; who may not give a file away keeps it. */
	if (fchown(fd, st.st_uid, st.st_gid) < 0 && fchown(fd, (uid_t)-1, st.st_gid) < 0)
		st.st_mode &= ~(mode_t)077;
	fchmod(fd, st.st_mode & 07777);
}

const char *
place_empty(const struct place *p, struct why *w)
{
	struct stat st;

	if (fstat(p->old, &st) < 0 || (S_ISREG(st.st_mode) && ftruncate(p->old, 0) < 0))
		return why(w, "%s", strerror(errno));
	return NULL;
}

void
place_close(struct place *p)
{
	if (p->old >= 0)
		close(p->old);
	if (p->dir >= 0)
		close(p->dir);
}

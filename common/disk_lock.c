/* SPDX-License-Identifier: ISC */
/*
 * QEMU's image locks. A permission is a byte at 100 + its number, locked by who uses it; a byte at 200 + its number is
 * locked by who cannot bear others to use it. All locks are shared ones, so taking them never fails; who finds the
 * opposite byte of what it needs locked by another gives up (QEMU: block/file-posix.c, docs/system/qemu-block-drivers).
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "common/diag.h"
#include "common/disk.h"

#define USES_BASE 100
#define FORBIDS_BASE 200
#define PERM_BITS 5

#define PERM_READ 0x01
#define PERM_WRITE 0x02
#define PERM_RESIZE 0x08

static int
lock_byte(int fd, int cmd, short type, off_t byte, struct flock *fl)
{
	*fl = (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
	return fcntl(fd, cmd, fl);
}

/* Locks the bytes of `perms` at base; 0 or the errno. */
static int
take(int fd, unsigned perms, off_t base)
{
	struct flock fl;

	for (int i = 0; i < PERM_BITS; i++)
		if (perms & (1U << i) && lock_byte(fd, F_OFD_SETLK, F_RDLCK, base + i, &fl) < 0)
			return errno;
	return 0;
}

/* Does another open file hold any of these bytes? An exclusive lock, which is only asked about, would tell. */
static bool
held(int fd, unsigned perms, off_t base)
{
	struct flock fl;

	for (int i = 0; i < PERM_BITS; i++)
		if (perms & (1U << i) && lock_byte(fd, F_OFD_GETLK, F_WRLCK, base + i, &fl) == 0 && fl.l_type != F_UNLCK)
			return true;
	return false;
}

const char *
disk_lock(int fd, bool writer)
{
	unsigned uses = PERM_READ | (writer ? PERM_WRITE : 0);
	unsigned forbids = PERM_WRITE | PERM_RESIZE;
	int err = take(fd, uses, USES_BASE);

	if (!err)
		err = take(fd, forbids, FORBIDS_BASE);
	if (err == EAGAIN || err == EACCES)
		return "locked by another program (lslocks shows it)";
	if (err) {
		warn("fd %d: no image locks here: %s", fd, strerror(err));
		return NULL;
	}
	/* First all are taken, then all are looked at: of two that start together at least one sees the other. */
	if (held(fd, forbids, USES_BASE)) {
		disk_unlock(fd);
		return "another QEMU, kvm-run or vm-img is writing to this image (lslocks shows it)";
	}
	if (held(fd, uses, FORBIDS_BASE)) {
		disk_unlock(fd);
		return "another QEMU, kvm-run or vm-img is using this image (lslocks shows it)";
	}
	return NULL;
}

void
disk_unlock(int fd)
{
	struct flock fl = {.l_type = F_UNLCK, .l_whence = SEEK_SET, .l_start = USES_BASE, .l_len = PERM_BITS};

	fcntl(fd, F_OFD_SETLK, &fl);
	fl.l_start = FORBIDS_BASE;
	fcntl(fd, F_OFD_SETLK, &fl);
}

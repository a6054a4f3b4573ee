/* SPDX-License-Identifier: ISC */
/* The sealed room; the contracts are in room.h. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/seal.h"
#include "vm-slirp/resolv.h"
#include "vm-slirp/room.h"

#define WALLS (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID)

/* Where it is refused we are user nobody in there, and room_enter will see that it has no rights. */
static void
write_proc(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0)
		note(2, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* In a new user namespace we are who we were, and nobody else exists. */
static void
map_ids(uid_t uid, gid_t gid)
{
	char map[64];

	/* After a change of user (-U) /proc/self is root's, unless we say that there is nothing to hide. */
	prctl(PR_SET_DUMPABLE, 1);
	write_proc("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", uid, uid);
	write_proc("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", gid, gid);
	write_proc("/proc/self/gid_map", map);
}

static pid_t
fork_with(int flags)
{
	return (pid_t)syscall(SYS_clone, flags | SIGCHLD, NULL, NULL, NULL, NULL);
}

pid_t
room_fork(bool *walled)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	pid_t pid = fork_with(WALLS);

	*walled = true;
	if (pid < 0) {
		pid = fork_with(WALLS | CLONE_NEWUSER);
		if (!pid)
			map_ids(uid, gid);
	}
	if (pid < 0) {
		*walled = false;
		pid = fork();
	}
	return pid;
}

/* A read-only view of dir at `at`, without anything that could be executed or be a device. */
static void
mount_view(const char *dir, int fd, const char *at)
{
	struct mount_attr attr = {
	    .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
	char source[32];

	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	if (mkdir(at, 0755) < 0 || mount(source, at, NULL, MS_BIND, NULL) < 0 ||
	    mount_setattr(AT_FDCWD, at, 0, &attr, sizeof(attr)) < 0)
		die_sys("%s", dir);
	close(fd);
}

bool
room_enter(const char *tftp_dir, int *resolv)
{
	int tftp = -1;

	if (tftp_dir) {
		tftp = open(tftp_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (tftp < 0)
			die_sys("%s", tftp_dir);
	}
	/* /tmp is only the place to stand on; what is there is not touched, and nobody else sees the mount. */
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=1m,nr_inodes=128,mode=0755") < 0) {
		if (tftp >= 0)
			close(tftp);
		return false;
	}
	if (chdir("/tmp") < 0 || mkdir("etc", 0755) < 0)
		die_sys("a root of its own");
	*resolv = open("etc/resolv.conf", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (*resolv < 0)
		die_sys("etc/resolv.conf in a root of its own");
	resolv_copy(*resolv);
	if (tftp >= 0)
		mount_view(tftp_dir, tftp, "tftp");
	if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die_sys("a root of its own");
	return true;
}

void
room_seal(void)
{
	static const char *const calls[] = {
	    /* the loop, the cable, the channel */
	    "poll", "ppoll", "read", "readv", "write", "writev", "recvmsg", "sendmsg", "recvmmsg", "sendmmsg", "close",
	    "dup3", "clock_gettime", "gettimeofday", "time", "ioctl", "fcntl",
	    /* the guest's connections */
	    "socket", "bind", "listen", "connect", "accept", "accept4", "sendto", "recvfrom", "shutdown", "getsockname",
	    "getpeername", "getsockopt", "setsockopt",
	    /* TFTP's files and resolv.conf */
	    "open", "openat", "lseek", "stat", "fstat", "newfstatat", "statx",
	    /* memory, messages, the end */
	    "brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "futex", "getrandom", "getpid", "gettid", "tgkill",
	    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "restart_syscall", "exit", "exit_group", NULL};

	seal_nobody();
	seal_privileges();
	seal_syscalls(calls);
}

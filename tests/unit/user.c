/* SPDX-License-Identifier: ISC */
/* Users and groups from the files of this machine against what the C library says of them, then from files of our own. */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/user.h"
#include "tests/unit/tap.h"

static bool
has(const gid_t *groups, size_t n, gid_t gid)
{
	for (size_t i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool
same_user(const char *word, const struct passwd *p)
{
	gid_t theirs[256], *ours;
	int ntheirs = 256;
	struct user u;
	bool same;
	size_t n;

	if (!user_find(word, &u) || u.uid != p->pw_uid || u.gid != p->pw_gid || strcmp(u.name, p->pw_name))
		return false;
	n = user_groups(&u, &ours);
	same = n && ours[0] == p->pw_gid && getgrouplist(p->pw_name, p->pw_gid, theirs, &ntheirs) == (int)n;
	for (size_t i = 0; same && i < n; i++)
		same = has(theirs, n, ours[i]);
	free(ours);
	return same;
}

static void
machine(void)
{
	unsigned users = 0, same = 0;
	struct passwd *p;

	for (setpwent(); (p = getpwent()); users++)
		same += same_user(p->pw_name, p);
	ok(users && users == same, "%u users, as the C library has them", users);
}

static void
write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		abort();
	close(fd);
}

static bool
enter_own_etc(const char *passwd, const char *group)
{
	char path[] = "/tmp/user.XXXXXX";
	bool made = mkdtemp(path) && unshare(getuid() ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS) == 0 &&
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("none", path, "tmpfs", 0, NULL) == 0 &&
		    chdir(path) == 0;

	if (made) {
		write_file("passwd", passwd);
		write_file("group", group);
		made = mount("passwd", "/etc/passwd", NULL, MS_BIND, NULL) == 0 &&
		       mount("group", "/etc/group", NULL, MS_BIND, NULL) == 0;
		made = chdir("/") == 0 && umount2(path, MNT_DETACH) == 0 && made;
	}
	rmdir(path);
	return made;
}

int
main(void)
{
	struct user u;
	gid_t *groups, gid;
	size_t n;

	machine();
	if (!enter_own_etc("root:x:0:0::/:/bin/sh\n# no user\nbroken:x\nalice:x:1000:1001::/:/bin/sh\n7:x:1005:1005::/:/bin/sh\n",
		"root:x:0:\nalice:x:1001:\nkvm:x:107:bob,alice\nalices:x:108:alicex,xalice\nnet:x:109:alice\ntwo:x:1001:alice\n")) {
		puts("# no mount namespace: no files of our own");
		return tap_done();
	}
	ok(user_find("alice", &u) && u.uid == 1000 && u.gid == 1001, "a user by name, behind lines that are none");
	n = user_groups(&u, &groups);
	ok(n == 3 && groups[0] == 1001 && has(groups, n, 107) && has(groups, n, 109), "its groups, each once, by the whole name");
	free(groups);
	ok(user_find("1000", &u) && !strcmp(u.name, "alice") && u.gid == 1001, "by number");
	ok(user_find("4242", &u) && !u.name[0] && u.uid == 4242 && u.gid == 4242, "a number that nobody has");
	ok(user_groups(&u, &groups) == 1 && groups[0] == 4242, "and its group");
	free(groups);
	ok(user_find("7", &u) && u.uid == 7, "a number is a number, also where a user is called so");
	ok(!user_find("broken", &u) && !user_find("", &u) && !user_find("4294967295", &u) && !user_find("-1", &u), "what is none");
	ok(group_find("kvm", &gid) && gid == 107 && group_find("4242", &gid) && gid == 4242, "groups by name and number");
	ok(!group_find("kv", &gid) && !group_find("4294967295", &gid), "what is none");
	return tap_done();
}

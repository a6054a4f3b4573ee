/* SPDX-License-Identifier: ISC */
/* Becoming another user. Apart from seal.c, so that a statically linked command does not pull in the name service. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/types.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/seal.h"

/* A number needs no entry in the user database; its group is then the same number. */
static void
look_up(const char *user, uid_t *uid, gid_t *gid, const char **name)
{
	const struct passwd *pw;
	uint64_t n;
	bool number = num_parse(user, 0, UINT32_MAX - 1, &n);

	errno = 0;
	pw = number ? getpwuid((uid_t)n) : getpwnam(user);
	if (!pw && !number)
		die("%s: no such user", user);
	*uid = pw ? pw->pw_uid : (uid_t)n;
	*gid = pw ? pw->pw_gid : (gid_t)n;
	*name = pw ? pw->pw_name : NULL;
}

void
seal_user(const char *user)
{
	const char *name;
	uid_t uid, u[3];
	gid_t gid;

	look_up(user, &uid, &gid, &name);
	if (!getresuid(&u[0], &u[1], &u[2]) && u[0] == uid && u[1] == uid && u[2] == uid)
		return;
	if ((name ? initgroups(name, gid) : setgroups(1, &gid)) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		die_sys("cannot become user %s", user);
	if (uid && !setuid(0))
		die("cannot give up root for user %s", user);
}

/* SPDX-License-Identifier: ISC */
/* Becoming another user. Apart from seal.c, so that a command that does no more is spared libseccomp. */
#include <grp.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/seal.h"
#include "common/user.h"

#define NOBODY 65534

static void
become(const char *word, const struct user *u)
{
	gid_t *groups;
	size_t n = user_groups(u, &groups);

	if (!n || setgroups(n, groups) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0)
		die_sys("cannot become user %s", word);
	free(groups);
	if (u->uid && !setuid(0))
		die("cannot give up root for user %s", word);
}

void
seal_user(const char *word)
{
	struct user u;
	uid_t id[3];

	if (!user_find(word, &u))
		die("%s: no such user", word);
	if (!getresuid(&id[0], &id[1], &id[2]) && id[0] == u.uid && id[1] == u.uid && id[2] == u.uid)
		return;
	become(word, &u);
}

void
seal_nobody(void)
{
	if (geteuid() || setgroups(0, NULL) < 0)
		return;
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
		note(2, "still user %u: no other is mapped here", geteuid());
}

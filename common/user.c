/* SPDX-License-Identifier: ISC */
/* Users and groups from their files; the contracts are in user.h. */
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/num.h"
#include "common/user.h"

/* -1 as an id means "unchanged" to the kernel. */
#define ID_MAX (UINT32_MAX - 1)

bool
user_find(const char *word, struct user *u)
{
	FILE *f = fopen("/etc/passwd", "re");
	const struct passwd *p = NULL;
	uint64_t n = 0;
	bool number = num_parse(word, 0, ID_MAX, &n);

	*u = (struct user){.uid = (uid_t)n, .gid = (gid_t)n};
	while (f && (p = fgetpwent(f)))
		if (strlen(p->pw_name) < sizeof(u->name) && (number ? p->pw_uid == (uid_t)n : !strcmp(p->pw_name, word)))
			break;
	if (p) {
		u->uid = p->pw_uid;
		u->gid = p->pw_gid;
		strcpy(u->name, p->pw_name);
	}
	if (f)
		fclose(f);
	return p || number;
}

bool
group_find(const char *word, gid_t *gid)
{
	const struct group *g = NULL;
	uint64_t n;
	FILE *f;

	if (num_parse(word, 0, ID_MAX, &n)) {
		*gid = (gid_t)n;
		return true;
	}
	f = fopen("/etc/group", "re");
	while (f && (g = fgetgrent(f)))
		if (!strcmp(g->gr_name, word)) {
			*gid = g->gr_gid;
			break;
		}
	if (f)
		fclose(f);
	return g;
}

static bool
is_member(const struct group *g, const char *name)
{
	for (char **m = g->gr_mem; *m; m++)
		if (!strcmp(*m, name))
			return true;
	return false;
}

/* Appends to a list that is a power of 2 long, or has come to one. */
static bool
append(gid_t **groups, size_t *n, gid_t gid)
{
	if (!(*n & (*n - 1))) {
		gid_t *more = reallocarray(*groups, *n ? 2 * *n : 1, sizeof(gid_t));

		if (!more)
			return false;
		*groups = more;
	}
	(*groups)[(*n)++] = gid;
	return true;
}

size_t
user_groups(const struct user *u, gid_t **groups)
{
	FILE *f = u->name[0] ? fopen("/etc/group", "re") : NULL;
	const struct group *g;
	size_t n = 0;
	bool room;

	*groups = NULL;
	room = append(groups, &n, u->gid);
	while (f && room && (g = fgetgrent(f)))
		if (g->gr_gid != u->gid && is_member(g, u->name))
			room = append(groups, &n, g->gr_gid);
	if (f)
		fclose(f);
	if (room)
		return n;
	free(*groups);
	*groups = NULL;
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Users and groups by name or number, as /etc/passwd and /etc/group have them: read by ourselves, because the C library's
 * name service cannot be linked statically, and loads what it is told to. Users of other sources (LDAP) are numbers here.
 */
#ifndef COMMON_USER_H
#define COMMON_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct user {
	uid_t uid;
	gid_t gid;     /* of a number without an entry: the same number */
	char name[64]; /* empty when it is such a number */
};

/* False when there is no such name. */
bool user_find(const char *word, struct user *u);
bool group_find(const char *word, gid_t *gid);

/* The groups of a user, its own first, in *groups, which is the caller's to free. Their number; 0 without memory. */
size_t user_groups(const struct user *u, gid_t **groups);

#endif

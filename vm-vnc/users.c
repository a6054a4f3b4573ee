/* SPDX-License-Identifier: ISC */
/* Names and their passwords; the contracts are in users.h. */
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "vm-vnc/users.h"

static const char *
take_line(struct users *u, char *line)
{
	char *hash = strchr(line, ':'), *flag = hash ? strchr(hash + 1, ':') : NULL;
	struct user_entry *e = &u->list[u->n];

	if (!*line || *line == '#')
		return NULL;
	if (!hash || hash == line)
		return "not NAME:HASH";
	*hash++ = '\0';
	if (flag)
		*flag++ = '\0';
	/* A password that was written as it is would be taken for a hash of the oldest kind, and never be right. */
	if (*hash != '$')
		return "not a hash of crypt(5): they begin with $";
	if (flag && strcmp(flag, "view"))
		return "behind the hash there is something other than view";
	if (u->n == USERS_MAX)
		return "more users than there may be";
	*e = (struct user_entry){line, hash, flag};
	u->n++;
	return NULL;
}

const char *
users_parse(struct users *u, char *text, unsigned *line)
{
	char *end;

	u->n = 0;
	for (*line = 1; *text; ++*line) {
		const char *why;

		end = text + strcspn(text, "\n");
		if (*end)
			*end++ = '\0';
		why = take_line(u, text);
		if (why)
			return why;
		text = end;
	}
	return u->n ? NULL : "no names in it";
}

bool
users_right(const struct users *u, const char *name, const char *password, bool *view)
{
	const struct user_entry *e = NULL;
	struct crypt_data *data = calloc(1, sizeof(*data));
	const char *got, *want;
	bool right = false;

	for (size_t i = 0; i < u->n && !e; i++)
		if (!strcmp(u->list[i].name, name))
			e = &u->list[i];
	want = e ? e->hash : u->list[0].hash;
	got = data ? crypt_rn(password, want, data, sizeof(*data)) : NULL;
	/* What differs is two hashes: how soon they do tells nothing of a password. */
	right = e && got && !strcmp(got, want);
	*view = right && e->view;
	if (data)
		explicit_bzero(data, sizeof(*data));
	free(data);
	return right;
}

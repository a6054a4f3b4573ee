/* SPDX-License-Identifier: ISC */
/* The access list of names; the contracts are in names.h. */
#include <string.h>

#include "common/util.h"
#include "vm-vnc/names.h"

static bool
kind_is_known(const char *word, size_t len)
{
	static const char *const kinds[] = {"cn", "dn", "dns", "email", "uri", "ip", "user"};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strlen(kinds[i]) == len && !strncmp(kinds[i], word, len))
			return true;
	return false;
}

const char *
names_add(struct names *l, const char *word)
{
	size_t kind = strcspn(word, ":");

	if (!word[kind] || !kind_is_known(word, kind))
		return "not cn:, dn:, dns:, email:, uri:, ip: or user: and a name";
	if (!word[kind + 1])
		return "an empty name";
	if (l->n == NAMES_MAX)
		return "more names than there may be";
	l->list[l->n++] = word;
	return NULL;
}

/* With one place to go back to, the last star, the time is at most the product of the lengths. */
static bool
matches(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = ++pattern;
			from = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star;
			name = ++from;
		} else {
			return false;
		}
	}
	return !pattern[strspn(pattern, "*")];
}

bool
names_has(const struct names *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++) {
		size_t kind = strcspn(l->list[i], ":") + 1; /* a star does not reach into it */

		if (!strncmp(l->list[i], name, kind) && matches(l->list[i] + kind, name + kind))
			return true;
	}
	return false;
}

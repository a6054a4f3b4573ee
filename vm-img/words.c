/* SPDX-License-Identifier: ISC */
/* Lists of keys and values; the contracts are in words.h. */
#include "vm-img/keep.h"
#include "vm-img/words.h"

struct words
words_start(const char *list)
{
	return (struct words){.rest = keep_string(list)};
}

bool
words_next(struct words *w, char **key, char **value)
{
	char *to = w->rest, *p = w->rest;

	if (!*p)
		return false;
	*key = p;
	*value = NULL;
	for (; *p; p++) {
		if (*p == ',' && *++p != ',')
			break;
		if (*p == '=' && !*value) {
			*to++ = '\0';
			*value = to;
			continue;
		}
		*to++ = *p;
	}
	w->rest = p;
	*to = '\0';
	return true;
}

/* SPDX-License-Identifier: ISC */
/* Lists of keys and values; the contracts are in words.h. */
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-img/words.h"

void
words_start(struct words *w, const char *list)
{
	w->rest = w->text = strdup(list);
	if (!w->text)
		die_sys("memory");
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

void
words_end(struct words *w)
{
	free(w->text);
}

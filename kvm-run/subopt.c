/* SPDX-License-Identifier: ISC */
/* Options of an option; the contract is in subopt.h. */
#include <string.h>

#include "kvm-run/subopt.h"

bool
subopt_next(char **rest, const char **key, char **value)
{
	char *word = strsep(rest, ",");

	*key = word;
	if (!word)
		return false;
	*value = strchr(word, '=');
	if (*value)
		*(*value)++ = '\0';
	return true;
}

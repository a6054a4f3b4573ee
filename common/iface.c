/* SPDX-License-Identifier: ISC */
/* Names of interfaces; the contracts are in iface.h. */
#include <ctype.h>
#include <linux/if.h>
#include <string.h>

#include "common/iface.h"

const char *
iface_pattern_fault(const char *name)
{
	const char *percent = strchr(name, '%');

	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return "no name for an interface";
	if (strlen(name) >= IFNAMSIZ)
		return "longer than 15 characters";
	for (; *name; name++)
		if (*name == '/' || *name == ':' || isspace((unsigned char)*name))
			return "an interface's name has no /, : or blank";
	if (percent && (percent[1] != 'd' || strchr(percent + 1, '%')))
		return "a % that is not that of a single %d";
	return NULL;
}

const char *
iface_name_fault(const char *name)
{
	const char *why = iface_pattern_fault(name);

	return why ? why : strchr(name, '%') ? "an interface's name has no %" : NULL;
}

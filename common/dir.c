/* SPDX-License-Identifier: ISC */
/* Directories of state; the contracts are in dir.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/diag.h"
#include "common/dir.h"

void
dir_make(const char *dir)
{
	char part[DIR_MAX];

	if (snprintf(part, sizeof(part), "%s/", dir) >= (int)sizeof(part))
		die("-d %s: too long", dir);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			die_sys("%s", part);
		*slash = '/';
	}
}

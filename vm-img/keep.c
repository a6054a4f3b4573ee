/* SPDX-License-Identifier: ISC */
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-img/keep.h"

struct kept {
	struct kept *next;
	max_align_t bytes[];
};

/* So that all of it stays in reach of who looks for leaks. */
static struct kept *all;

void *
keep(size_t n)
{
	struct kept *k = calloc(1, sizeof(*k) + n);

	if (!k)
		die_sys("memory");
	k->next = all;
	all = k;
	return k->bytes;
}

char *
keep_string(const char *s)
{
	return strcpy(keep(strlen(s) + 1), s);
}

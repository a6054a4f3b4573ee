/* SPDX-License-Identifier: ISC */
/* A tree of small files, as /proc and /sys have them, for the tests of vm-pin: another host, or another guest. */
#ifndef TESTS_UNIT_PIN_TREE_H
#define TESTS_UNIT_PIN_TREE_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tree_dir[] = "/tmp/pin-tree.XXXXXX";

/* Its directory, opened. */
static inline int
tree_new(void)
{
	return mkdtemp(tree_dir) ? open(tree_dir, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
}

/* A file, with the directories above it. */
static inline void
tree_put(const char *path, const char *text)
{
	char whole[512];
	FILE *f;

	snprintf(whole, sizeof(whole), "%s/%s", tree_dir, path);
	for (char *slash = strchr(whole + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	f = fopen(whole, "we");
	if (f) {
		fprintf(f, "%s\n", text);
		fclose(f);
	}
}

static inline int
tree_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type, (void)at;
	return remove(path);
}

static inline void
tree_free(void)
{
	nftw(tree_dir, tree_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif

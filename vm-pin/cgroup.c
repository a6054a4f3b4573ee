/* SPDX-License-Identifier: ISC */
/* Control groups; the contracts are in cgroup.h. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/num.h"
#include "vm-pin/cgroup.h"
#include "vm-pin/read.h"

#define MOUNT "sys/fs/cgroup" /* where systemd, OpenRC and all others have it */
#define PATH_SIZE 512

/* Whether the controllers of a line of /proc/PID/cgroup, "2:cpu,cpuacct:/x", have that one. */
static bool
has_word(const char *list, size_t len, const char *word)
{
	for (size_t n = strlen(word); len >= n;) {
		size_t this = strcspn(list, ",:");

		if (this == n && !strncmp(list, word, n))
			return true;
		if (list[this] != ',' || this >= len)
			return false;
		list += this + 1;
		len -= this + 1;
	}
	return false;
}

/* Version 1 has a hierarchy a controller, or several: cpu is often a link to cpu,cpuacct. Version 2 may be beside it. */
static bool
place(const struct guest *g, const char *controller, const char *path, char out[PATH_SIZE])
{
	const char *mounts[] = {MOUNT "/unified", MOUNT};
	char dir[64];

	if (controller) {
		snprintf(dir, sizeof(dir), MOUNT "/%s", controller);
		return snprintf(out, PATH_SIZE, "%s%s", dir, path) < PATH_SIZE;
	}
	for (size_t i = 0; i < 2; i++) {
		snprintf(dir, sizeof(dir), "%s/cgroup.controllers", mounts[i]);
		if (faccessat(g->root, dir, F_OK, 0) == 0)
			return snprintf(out, PATH_SIZE, "%s%s", mounts[i], path) < PATH_SIZE;
	}
	return false;
}

/*
 * The directory, below guest.root, of the group that a controller ("cpu", "cpuset") has the process in: that of version 1, where
 * that controller is used so, else of version 2. False when there is none, or the path is too long.
 */
static bool
group_path(const struct guest *g, const char *controller, char out[PATH_SIZE], unsigned *version)
{
	char text[8192], *rest = NULL;
	const char *second = NULL;

	if (!read_text(g->proc, "cgroup", text, sizeof(text)))
		return false;
	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;

		if (!path)
			continue;
		if (!strncmp(line, "0::", 3))
			second = path + 1;
		if (!has_word(list + 1, (size_t)(path - list - 1), controller))
			continue;
		*version = 1;
		return place(g, controller, path + 1, out);
	}
	*version = 2;
	return second && place(g, NULL, second, out);
}

/* cpu.max of version 2: "QUOTA PERIOD", or "max PERIOD". */
static bool
quota2(int root, const char *dir, uint64_t *quota, uint64_t *period)
{
	char path[PATH_SIZE + 32], text[64], *blank;

	snprintf(path, sizeof(path), "%s/cpu.max", dir);
	if (!read_text(root, path, text, sizeof(text)))
		return false;
	blank = strchr(text, ' ');
	if (!blank)
		return false;
	*blank = '\0';
	return num_parse(text, 0, UINT64_MAX / 1000, quota) && num_parse(blank + 1, 1, UINT64_MAX, period);
}

/* Of version 1; the quota is -1 where there is none. */
static bool
quota1(int root, const char *dir, uint64_t *quota, uint64_t *period)
{
	char path[PATH_SIZE + 32];

	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", dir);
	if (!read_number(root, path, quota) || *quota > UINT64_MAX / 1000)
		return false;
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", dir);
	return read_number(root, path, period) && *period;
}

bool
cgroup_quota(const struct guest *g, uint64_t *thousandths)
{
	uint64_t quota, period;
	char path[PATH_SIZE], *slash;
	unsigned version;

	*thousandths = UINT64_MAX;
	if (!group_path(g, "cpu", path, &version))
		return false;
	while (strlen(path) > strlen(MOUNT)) {
		if ((version == 1 ? quota1 : quota2)(g->root, path, &quota, &period) && quota * 1000 / period < *thousandths)
			*thousandths = quota * 1000 / period;
		slash = strrchr(path, '/');
		*slash = '\0';
	}
	return *thousandths != UINT64_MAX;
}

/* SPDX-License-Identifier: ISC */
/* cpusets; the contracts are in cpuset.h. Control groups: cgroups(7), cpuset(7). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/util.h"
#include "vm-pin/cpuset.h"
#include "vm-pin/read.h"

/* The group of the guest in a line of /proc/PID/cgroup, "N:CONTROLLERS:PATH". *legacy: of version 1. NULL: not that of cpusets. */
static char *
group_of_line(char *line, bool *legacy)
{
	char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL, *rest;

	if (!group)
		return NULL;
	*group++ = '\0';
	*legacy = *++controllers;
	if (!*legacy)
		return group;
	for (char *word = strtok_r(controllers, ",", &rest); word; word = strtok_r(NULL, ",", &rest))
		if (!strcmp(word, "cpuset"))
			return group;
	return NULL;
}

/* A version 1 cpuset, where there is one, is the one that counts. */
static char *
find_group(char *text, bool *legacy)
{
	char *lines, *found = NULL;

	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		bool of_legacy;
		char *group = group_of_line(line, &of_legacy);

		if (!group || (found && !of_legacy))
			continue;
		found = group;
		*legacy = of_legacy;
	}
	return found;
}

/* Where such a hierarchy is mounted, and from which of its groups on: mountinfo of proc(5). */
static bool
find_mount(char *text, bool legacy, char **point, char **top)
{
	char *lines;

	for (char *line = strtok_r(text, "\n", &lines); line; line = strtok_r(NULL, "\n", &lines)) {
		char *dash = strstr(line, " - "), type[16], options[256];
		int from = 0, to = 0, mount_from = 0, mount_to = 0;

		if (!dash || sscanf(dash, " - %15s %*s %255s", type, options) != 2 || strcmp(type, legacy ? "cgroup" : "cgroup2"))
			continue;
		if (legacy && !strstr(options, "cpuset"))
			continue;
		sscanf(line, "%*d %*d %*s %n%*s%n %n%*s%n", &from, &to, &mount_from, &mount_to);
		if (!mount_to)
			continue;
		line[to] = line[mount_to] = '\0';
		*top = line + from;
		*point = line + mount_from;
		return true;
	}
	return false;
}

/* Whether only the guest is in the group: its threads are with it. */
static const char *
check_alone(const char *dir, const struct guest *g, struct why *w)
{
	char path[600], *text, *rest;
	unsigned others = 0;
	uint64_t pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir + 1);
	text = read_whole(g->root, path, &(size_t){0});
	if (!text)
		return why(w, "%.200s: %s", dir, strerror(errno));
	for (char *word = strtok_r(text, "\n", &rest); word; word = strtok_r(NULL, "\n", &rest))
		others += !num_parse(word, 1, INT32_MAX, &pid) || (pid_t)pid != g->pid;
	free(text);
	return others ? why(w, "%.160s: not the guest's alone, %u other processes are in it", dir, others) : NULL;
}

const char *
cpuset_find(struct cpuset *s, const struct guest *g, struct why *w)
{
	char *groups = read_whole(g->proc, "cgroup", &(size_t){0}), *mounts = read_whole(g->root, "proc/self/mountinfo", &(size_t){0});
	const char *group, *fault = NULL;
	char *point, *top;
	bool legacy = false;

	*s = (struct cpuset){0};
	group = groups ? find_group(groups, &legacy) : NULL;
	if (!group || !mounts || !find_mount(mounts, legacy, &point, &top)) {
		fault = why(w, "no cpusets here");
	} else {
		if (strcmp(top, "/") && !strncmp(group, top, strlen(top)))
			group += strlen(top);
		if (!strcmp(group, "/") || !*group)
			fault = why(w, "the guest is in no cgroup of its own");
		else if (strpbrk(group, "\t\n") || snprintf(s->path, sizeof(s->path), "%s%s", point, group) > (int)sizeof(s->path) - 32)
			fault = why(w, "%.100s...: too long a path", group);
		else
			fault = check_alone(s->path, g, w);
	}
	free(groups);
	free(mounts);
	if (fault)
		return fault;
	strcat(s->path, "/cpuset.cpus");
	if (read_text(g->root, s->path + 1, s->before, sizeof(s->before)))
		return NULL;
	return errno == ENOENT ? why(w, "its cgroup has no cpuset (cgroup.subtree_control of the group above says which it has)") :
				 why(w, "%.200s: %s", s->path, strerror(errno));
}

static int
write_list(const char *path, const char *list)
{
	char line[4200];
	int fd = open(path, O_WRONLY | O_CLOEXEC), len = snprintf(line, sizeof(line), "%s\n", list), err;

	if (fd < 0)
		return -errno;
	err = write(fd, line, (size_t)len) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* What a group really has: of `which`, the guest's ("") or that above ("../"). The file is another in each version. */
static bool
read_effective(const struct cpuset *s, const char *which, struct cpus *c)
{
	static const char *const names[] = {"cpuset.cpus.effective", "cpuset.effective_cpus"};
	char path[sizeof(s->path) + 32];
	bool good = false;

	for (size_t i = 0; i < ARRAY_LEN(names) && !good; i++) {
		snprintf(path, sizeof(path), "%.*s%s%s", (int)(strrchr(s->path, '/') + 1 - s->path), s->path, which, names[i]);
		good = read_cpus(AT_FDCWD, path, c);
	}
	return good;
}

const char *
cpuset_make(struct cpuset *s, const struct cpus *c, struct why *w)
{
	char list[4096], text[CPULIST_TEXT];
	int err = write_list(s->path, cpus_text(c, list, sizeof(list)));
	struct cpus now;

	s->set = !err;
	if (err)
		return why(w, "%.160s: %s", s->path, strerror(-err));
	if (read_effective(s, "", &now) && cpus_equal(&now, c))
		return NULL;
	cpuset_take_back(s);
	return why(w, "%.160s: %s: the group above has not all of them", s->path, cpus_text(c, text, sizeof(text)));
}

bool
cpuset_take_back(struct cpuset *s)
{
	int err = s->set ? write_list(s->path, s->before) : 0;
	char list[4096];
	struct cpus above;

	/* Version 2 begins with the empty list, which means all that the group above has, but takes none back while there are tasks. */
	if (err == -ENOSPC && !*s->before && read_effective(s, "../", &above))
		err = write_list(s->path, cpus_text(&above, list, sizeof(list)));
	s->set = false;
	if (!err || err == -ENOENT || err == -ENODEV)
		return true;
	error("%s: could not be put back: %s", s->path, strerror(-err));
	return false;
}

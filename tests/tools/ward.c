/* SPDX-License-Identifier: ISC */
/*
 * ward PID VARIABLE=VALUE [SECONDS]: when the process PID has ended, kill all that has this in its environment: what a test
 * started, whoever its parent is by now. After SECONDS all but PID, which may be waiting for one of them, again and again.
 */
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"

#define ROUNDS 100 /* a process may have forked while it was killed */

/* The environment with which the process was started; false when it may not be read, or is none. */
static bool
has(const char *pid, const char *want)
{
	char path[64], *line = NULL;
	size_t size = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%.20s/environ", pid);
	f = fopen(path, "re");
	while (f && !found && getdelim(&line, &size, '\0', f) > 0)
		found = !strcmp(line, want);
	free(line);
	if (f)
		fclose(f);
	return found;
}

/* How many there were. */
static unsigned
kill_all(const char *want)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	unsigned n = 0;
	uint64_t pid;

	while (proc && (e = readdir(proc)))
		if (num_parse(e->d_name, 2, INT32_MAX, &pid) && (pid_t)pid != getpid() && has(e->d_name, want) &&
		    kill((pid_t)pid, SIGKILL) == 0)
			n++;
	if (proc)
		closedir(proc);
	return n;
}

int
main(int argc, char **argv)
{
	struct pollfd p = {.events = POLLIN};
	uint64_t pid, seconds = 0;
	int timeout = -1;

	diag_init(argv[0], 1);
	if (argc < 3 || argc > 4 || !num_parse(argv[1], 2, INT32_MAX, &pid) ||
	    (argc == 4 && !num_parse(argv[3], 0, 1000000, &seconds)))
		die_usage("usage: ward PID VARIABLE=VALUE [SECONDS]");
	if (argc == 4)
		timeout = (int)seconds * 1000;
	p.fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	while (p.fd >= 0 && poll(&p, 1, timeout) == 0) {
		kill_all(argv[2]);
		timeout = 1000;
	}
	for (int i = 0; i < ROUNDS && kill_all(argv[2]); i++)
		poll(NULL, 0, 10);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * spend N CMD [ARG]...: runs a short command N times, each % of its arguments being the number of the run, and prints the mean of
 * its CPU time in microseconds (user and system, of it and of what it waited for), and the KiB of memory that were its own as it
 * ended, a tab between. What it prints itself is lost.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"

static char *
number(const char *word, unsigned run)
{
	const char *percent = strchr(word, '%');
	char *out;

	if (percent ? asprintf(&out, "%.*s%u%s", (int)(percent - word), word, run, percent + 1) < 0 : !(out = strdup(word)))
		die("no memory");
	return out;
}

static long
private_kib(pid_t pid)
{
	char path[64], line[128];
	long kib, sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Anonymous: %ld", &kib) == 1)
			sum += kib;
	if (f)
		fclose(f);
	return sum;
}

/* Runs it; traced, it is looked at on its way out. */
static long
run(char **argv, int argc, unsigned n, bool traced, double *us)
{
	struct rusage u = {0};
	int status, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	long kib = 0;
	pid_t pid;

	for (int i = 0; i < argc; i++)
		argv[i] = number(argv[i], n);
	pid = fork();
	if (!pid) {
		dup2(null, 1);
		if (traced)
			ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(argv[0], argv);
		_exit(127);
	}
	while (wait4(pid, &status, 0, &u) == pid && WIFSTOPPED(status)) {
		ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACEEXIT);
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8))
			kib = private_kib(pid);
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		die("%s: status %x", argv[0], status);
	close(null);
	*us += (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
	return kib;
}

int
main(int argc, char **argv)
{
	double us = 0, ignored = 0;
	unsigned runs;
	char **words;
	long kib = 0;

	diag_init(argv[0], 2);
	if (argc < 3)
		die_usage("usage: spend N CMD [ARG]...");
	runs = (unsigned)num_opt('N', argv[1], 1, 1000000);
	words = calloc((size_t)argc, sizeof(*words));
	if (!words)
		die("no memory");
	for (unsigned n = 0; n <= runs; n++) {
		memcpy(words, argv + 2, (size_t)(argc - 2) * sizeof(*words));
		if (n)
			run(words, argc - 2, n, false, &us);
		else
			kib = run(words, argc - 2, n, true, &ignored);
	}
	free(words);
	printf("%.0f\t%ld\n", us / runs, kib);
	return 0;
}

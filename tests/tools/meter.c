/* SPDX-License-Identifier: ISC */
/*
 * meter LABEL RAM_MIB CMD [ARG]...: runs a VMM until 0.3 s after its guest has printed a line that holds L2UP, ends it
 * and prints LABEL, CPU seconds (user and system, guest included), seconds to that line, private KiB outside of guest RAM
 * and threads. Guest RAM is every run of adjoining writable mappings of at least three quarters of RAM_MIB.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct run {
	unsigned long end, size, private_kb;
};

/* One run of mappings is over: count it unless it is guest RAM. */
static unsigned long
finish(struct run *r, unsigned long ram_mib)
{
	unsigned long kb = r->size >= (ram_mib << 20) / 4 * 3 ? 0 : r->private_kb;

	*r = (struct run){0};
	return kb;
}

static unsigned long
private_outside(pid_t pid, unsigned long ram_mib)
{
	unsigned long start, end, kb, sum = 0;
	struct run run = {0};
	char path[64], line[512], perm[8];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perm) == 3) {
			if (start != run.end || perm[1] != 'w')
				sum += finish(&run, ram_mib);
			run.end = end;
			run.size += end - start;
		} else if (sscanf(line, "Private_Dirty: %lu", &kb) == 1) {
			run.private_kb += kb;
		}
	}
	if (f)
		fclose(f);
	return sum + finish(&run, ram_mib);
}

static unsigned long
threads_of(pid_t pid)
{
	unsigned long n = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Threads: %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

int
main(int argc, char **argv)
{
	unsigned long ram = argc > 3 ? strtoul(argv[2], NULL, 10) : 0, kb = 0, threads = 0;
	double start = now(), up = 0, cpu;
	struct rusage ru;
	char line[4096];
	int out[2], status;
	FILE *f;
	pid_t pid;

	if (argc < 4 || pipe(out) < 0)
		return 2;
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		close(out[0]);
		close(out[1]);
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	close(out[1]);
	f = fdopen(out[0], "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (up == 0 && strstr(line, "L2UP")) {
			up = now() - start;
			usleep(300000); /* the figure is of a guest at rest */
			kb = private_outside(pid, ram);
			threads = threads_of(pid);
			kill(pid, SIGKILL);
		} else if (getenv("METER_VERBOSE")) {
			fputs(line, stderr);
		}
	}
	wait4(pid, &status, 0, &ru);
	cpu = (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) + (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6;
	printf("%s\t%.3f\t%.3f\t%lu\t%lu\n", argv[1], cpu, up, kb, threads);
	return up == 0;
}

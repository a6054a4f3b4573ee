/* SPDX-License-Identifier: ISC */
/*
 * plugmeter LABEL GREETING REQUEST COUNT CMD [ARG]...: runs a VMM with a control socket as descriptor 3, to which GREETING
 * goes first. When its guest has printed a line that holds READY, REQUEST goes there, each %d in it the number of the vCPU, 1 to
 * COUNT, each when the guest has printed UP for the last one. Prints for each LABEL, CPU seconds (user and system, guest
 * included) and seconds from request to UP.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"

static double
seconds(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) < 0)
		die_sys("clock");
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static pid_t
start(char **argv, int control, int *console)
{
	int out[2];
	pid_t pid;

	if (pipe(out) < 0)
		die_sys("pipe");
	pid = fork();
	if (pid < 0)
		die_sys("fork");
	if (!pid) {
		if (dup2(control, 3) < 0 || dup2(out[1], 1) < 0 || dup2(out[1], 2) < 0)
			die_sys("dup2");
		execvp(argv[0], argv);
		die_sys("%s", argv[0]);
	}
	close(out[1]);
	*console = out[0];
	return pid;
}

/* Reads on to the next line that holds the word. */
static void
wait_for(FILE *f, const char *word)
{
	char line[4096];

	do {
		if (!fgets(line, sizeof(line), f))
			die("%s did not come", word);
	} while (!strstr(line, word));
}

/* The request, with n for each %d. */
static void
request(int fd, const char *text, unsigned n)
{
	const char *d;

	for (; (d = strstr(text, "%d")); text = d + 2)
		dprintf(fd, "%.*s%u", (int)(d - text), text, n);
	dprintf(fd, "%s\n", text);
}

int
main(int argc, char **argv)
{
	int control[2], console;
	clockid_t cpu_clock;
	uint64_t count;
	pid_t pid;
	FILE *f;

	diag_init(argv[0], 1);
	if (argc < 6)
		die_usage("usage: plugmeter LABEL GREETING REQUEST COUNT CMD [ARG]...");
	count = num_opt('4', argv[4], 1, 100);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, control) < 0)
		die_sys("socketpair");
	pid = start(argv + 5, control[1], &console);
	f = fdopen(console, "r");
	if (!f || clock_getcpuclockid(pid, &cpu_clock))
		die("no clock of the program");
	wait_for(f, "READY");
	request(control[0], argv[2], 0);
	for (unsigned n = 1; n <= count; n++) {
		double cpu = seconds(cpu_clock), at = seconds(CLOCK_MONOTONIC);

		request(control[0], argv[3], n);
		wait_for(f, "UP");
		printf("%s\t%.4f\t%.4f\n", argv[1], seconds(cpu_clock) - cpu, seconds(CLOCK_MONOTONIC) - at);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	flush_stdout();
	return 0;
}

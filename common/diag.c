/* SPDX-License-Identifier: ISC */
/* Diagnostics; the contracts are in diag.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"

const char *diag_prog = "?";
int diag_verbose;
int diag_exit = 1;

void
diag_init(const char *argv0, int exit_status)
{
	const char *slash = argv0 ? strrchr(argv0, '/') : NULL;

	diag_prog = slash ? slash + 1 : argv0 ? argv0 : "?";
	diag_exit = exit_status;
}

static void PRINTF(1, 0)
print(const char *fmt, va_list ap, int err)
{
	char buf[4096]; /* PIPE_BUF: still one piece in a pipe */
	size_t len;

	snprintf(buf, sizeof(buf), "%s: ", diag_prog);
	len = strlen(buf);
	vsnprintf(buf + len, sizeof(buf) - len, fmt, ap);
	len = strlen(buf);
	if (err)
		snprintf(buf + len, sizeof(buf) - len, ": %s", strerror(err));
	len = strlen(buf);
	if (len > sizeof(buf) - 2)
		len = sizeof(buf) - 2;
	/* Names come from peers and images as well: they neither end the line nor command a terminal. */
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)buf[i] < ' ' || buf[i] == 0x7f)
			buf[i] = '?';
	buf[len++] = '\n';
	if (write(2, buf, len) < 0) {
		/* nowhere left to say it */
	}
}

#define PRINT(err)                                                                                 \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		print(fmt, ap, err);                                                               \
		va_end(ap);                                                                        \
	} while (0)

void
warn(const char *fmt, ...)
{
	if (diag_verbose >= 0)
		PRINT(0);
}

void
warn_sys(const char *fmt, ...)
{
	int err = errno;

	if (diag_verbose >= 0)
		PRINT(err);
	errno = err;
}

void
error(const char *fmt, ...)
{
	PRINT(0);
}

void
note(int level, const char *fmt, ...)
{
	if (diag_verbose >= level)
		PRINT(0);
}

void
die(const char *fmt, ...)
{
	PRINT(0);
	exit(diag_exit);
}

void
die_sys(const char *fmt, ...)
{
	int err = errno;

	PRINT(err);
	exit(diag_exit);
}

void
die_usage(const char *fmt, ...)
{
	PRINT(0);
	exit(2);
}

void
flush_stdout(void)
{
	if (fflush(stdout) || ferror(stdout))
		die_sys("stdout");
}

void
diag_long_options(int argc, char **argv, const char *usage)
{
	if (argc < 2)
		return;
	if (!strcmp(argv[1], "--help"))
		fputs(usage, stdout);
	else if (!strcmp(argv[1], "--version"))
		printf("kvm-utils %s (%s)\n", VERSION, diag_prog);
	else
		return;
	diag_exit = 1;
	flush_stdout();
	exit(0);
}

/* SPDX-License-Identifier: ISC */
/* Diagnostics: "prog: what: why" on stderr, one write(2) a line because several processes share it. */
#ifndef COMMON_DIAG_H
#define COMMON_DIAG_H

#define PRINTF(f, a) __attribute__((format(printf, f, a)))

/* The only globals of a command. diag_exit is the status die() leaves with: 1, or 125 in a loader. */
extern const char *diag_prog;
extern int diag_verbose; /* -1 with -q, 0, 1 with -v, ... */
extern int diag_exit;

/* Sets diag_prog to the last component of argv0. */
void diag_init(const char *argv0, int exit_status);

/* Prints and goes on. Silent with -q. */
void warn(const char *fmt, ...) PRINTF(1, 2);
void warn_sys(const char *fmt, ...) PRINTF(1, 2); /* appends ": " and strerror(errno) */

/* An error that does not end the process here; printed even with -q. */
void error(const char *fmt, ...) PRINTF(1, 2);

/* Prints only with at least `level` times -v. */
void note(int level, const char *fmt, ...) PRINTF(2, 3);

/* Prints and exits with diag_exit. For set-up only: never on behalf of a guest or a peer. */
_Noreturn void die(const char *fmt, ...) PRINTF(1, 2);
_Noreturn void die_sys(const char *fmt, ...) PRINTF(1, 2);

/* Wrong usage or wiring: prints and exits 2. */
_Noreturn void die_usage(const char *fmt, ...) PRINTF(1, 2);

/* Flushes stdout and dies if that failed: a full disk is an error. Call before a successful exit. */
void flush_stdout(void);

/* Answers --help and --version, alone as first argument, before getopt; exits if it did. `usage` ends in a newline. */
void diag_long_options(int argc, char **argv, const char *usage);

#endif

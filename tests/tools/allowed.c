/* pkg: libseccomp */
/* SPDX-License-Identifier: ISC */
/*
 * allowed TID: print the system calls that the seccomp filters of a thread allow, by the programs that the kernel has of them: each
 * is run here for each number, with arguments of 0. It takes CAP_SYS_ADMIN, and stops the thread for that time.
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "common/diag.h"
#include "common/num.h"

#ifndef PTRACE_SECCOMP_GET_FILTER
#define PTRACE_SECCOMP_GET_FILTER 0x420c /* ptrace(2); not in every libc's header */
#endif
#define CALLS 512	/* numbers of the kernel end before */
#define FILTERS_MAX 8

struct program {
	struct sock_filter *code;
	long len;
};

/* Where a jump goes on; what libseccomp makes has constants only. */
static unsigned
jump(const struct sock_filter *f, uint32_t a)
{
	switch (BPF_OP(f->code)) {
	case BPF_JA: return f->k;
	case BPF_JEQ: return a == f->k ? f->jt : f->jf;
	case BPF_JGT: return a > f->k ? f->jt : f->jf;
	case BPF_JGE: return a >= f->k ? f->jt : f->jf;
	case BPF_JSET: return a & f->k ? f->jt : f->jf;
	default: die("jump %#x", f->code);
	}
}

/* What it returns for that call. */
static uint32_t
run(const struct program *p, const struct seccomp_data *d)
{
	uint32_t a = 0;

	for (long at = 0; at < p->len; at++) {
		const struct sock_filter *f = &p->code[at];

		if (f->code == (BPF_LD | BPF_W | BPF_ABS) && f->k <= sizeof(*d) - sizeof(a))
			memcpy(&a, (const char *)d + f->k, sizeof(a));
		else if (f->code == (BPF_ALU | BPF_AND | BPF_K))
			a &= f->k;
		else if (BPF_CLASS(f->code) == BPF_JMP && BPF_SRC(f->code) == BPF_K)
			at += jump(f, a);
		else if (f->code == (BPF_RET | BPF_K))
			return f->k;
		else
			die("instruction %#x", f->code);
	}
	die("a program without an end");
}

/* What is only logged is done as well. */
static bool
lets(const struct program *p, const struct seccomp_data *d)
{
	uint32_t what = run(p, d);

	return what == SECCOMP_RET_ALLOW || what == SECCOMP_RET_LOG;
}

/* The filters of a thread, newest first. How many. */
static unsigned
get_filters(pid_t tid, struct program p[FILTERS_MAX])
{
	unsigned n = 0;

	while (n < FILTERS_MAX && (p[n].len = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, n, NULL)) > 0) {
		p[n].code = calloc((size_t)p[n].len, sizeof(*p[n].code));
		if (!p[n].code || ptrace(PTRACE_SECCOMP_GET_FILTER, tid, n, p[n].code) != p[n].len)
			die_sys("filter %u", n);
		n++;
	}
	if (!n)
		die_sys("no filter");
	return n;
}

int
main(int argc, char **argv)
{
	struct program filters[FILTERS_MAX];
	uint64_t tid;
	unsigned n;

	diag_init(argv[0], 1);
	if (argc != 2 || !num_parse(argv[1], 1, INT32_MAX, &tid))
		die_usage("usage: allowed TID");
	if (ptrace(PTRACE_ATTACH, (pid_t)tid, NULL, NULL) < 0 || waitpid((pid_t)tid, NULL, __WALL) < 0)
		die_sys("%s", argv[1]);
	n = get_filters((pid_t)tid, filters);
	ptrace(PTRACE_DETACH, (pid_t)tid, NULL, NULL);
	for (int nr = 0; nr < CALLS; nr++) {
		const struct seccomp_data call = {.nr = nr, .arch = seccomp_arch_native()};
		const char *name;
		bool allowed = true;

		for (unsigned i = 0; i < n; i++)
			allowed &= lets(&filters[i], &call);
		name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);
		if (allowed)
			puts(name ? name : "nameless");
	}
	return 0;
}

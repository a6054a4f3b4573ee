/* SPDX-License-Identifier: ISC */
/* A list of permitted system calls; the contract is in seal.h. Apart from seal.c: libseccomp costs a process a megabyte. */
#include <errno.h>
#include <seccomp.h>

#include "common/diag.h"
#include "common/seal.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

void
seal_syscalls(const char *const *names)
{
	scmp_filter_ctx ctx;
	int err = 0;

	if (SANITIZED)
		return;
	ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (!ctx)
		die("seccomp: out of memory");
	/* A filter as a binary tree costs a hot system call less; older libraries do without. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (; *names && !err; names++) {
		int nr = seccomp_syscall_resolve_name(*names);

		if (nr != __NR_SCMP_ERROR)
			err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
	}
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	if (err) {
		errno = -err;
		die_sys("seccomp");
	}
}

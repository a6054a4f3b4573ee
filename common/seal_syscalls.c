/* SPDX-License-Identifier: ISC */
/* A list of permitted system calls; the contract is in seal.h. Apart from seal.c: libseccomp costs a process a megabyte. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdint.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/seal.h"
#include "common/util.h"

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

/* What names a process by its first argument is for the caller's own only, or for 0, which means the same to prlimit64. The
 * kernel looks at 32 bits of it. */
static int
allow(scmp_filter_ctx ctx, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);
	int err;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	if (nr != SCMP_SYS(tgkill) && nr != SCMP_SYS(prlimit64))
		return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 0);
	err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, (scmp_datum_t)getpid()));
	return err ? err : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, nr, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, UINT32_MAX, 0));
}

static scmp_filter_ctx
begin(uint32_t otherwise)
{
	scmp_filter_ctx ctx = seccomp_init(otherwise);

	if (!ctx)
		die("seccomp: out of memory");
	return ctx;
}

/* err: of what was done before, which is told here. */
static void
load(scmp_filter_ctx ctx, int err)
{
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	if (err) {
		errno = -err;
		die_sys("seccomp");
	}
}

void
seal_syscalls(const char *const *names)
{
	scmp_filter_ctx ctx;
	int err = 0;

	if (SANITIZED)
		return;
	ctx = begin(SCMP_ACT_KILL_PROCESS);
	/* A filter as a binary tree costs a hot system call less; older libraries do without. */
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (; *names && !err; names++)
		err = allow(ctx, *names);
	load(ctx, err);
}

void
seal_syscalls_less(const char *const *names)
{
	scmp_filter_ctx ctx;
	int err = 0;

	if (SANITIZED)
		return;
	ctx = begin(SCMP_ACT_ALLOW);
	for (; *names && !err; names++) {
		int nr = seccomp_syscall_resolve_name(*names);

		if (nr != __NR_SCMP_ERROR)
			err = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0);
	}
	load(ctx, err);
}

void
seal_read_only(void)
{
	static const unsigned writes[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
	scmp_filter_ctx ctx;
	int err = 0;

	if (SANITIZED)
		return;
	ctx = begin(SCMP_ACT_ALLOW);
	for (size_t i = 0; i < ARRAY_LEN(writes) && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writes[i], writes[i]));
	load(ctx, err);
}

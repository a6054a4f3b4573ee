/* SPDX-License-Identifier: ISC */
/* Lent rights (capabilities(7)); the contracts are in rights.h. */
#include <linux/capability.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-tap/rights.h"

/* Keeps of the capabilities what is in the mask; the inheritable ones were the caller's all along. Whether any are left. */
static bool
keep(uint32_t mask)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &head, caps) < 0)
		die_sys("capabilities");
	caps[0].permitted &= mask;
	caps[0].effective = caps[0].permitted;
	caps[1].permitted = caps[1].effective = 0;
	if (syscall(SYS_capset, &head, caps) < 0)
		die_sys("capabilities");
	return caps[0].permitted;
}

/*
 * AT_SECURE is how the kernel tells a program that it has more rights than its caller (getauxval(3)); the C library has by then
 * opened 0 to 2 if they were not, and ignores what of the environment could lead it astray. The ids go first: a file is then
 * read, and a socket connected to, only if the caller may.
 */
bool
rights_settle(void)
{
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (!uid || !getauxval(AT_SECURE))
		return false;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		die_sys("becoming user %u", uid);
	return keep(1U << CAP_NET_ADMIN);
}

void
rights_return(void)
{
	keep(0);
}

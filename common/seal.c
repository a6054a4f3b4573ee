/* SPDX-License-Identifier: ISC */
/* Giving up rights; the contracts are in seal.h. */
#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/seal.h"

/* All but `keep`; -1: all. */
static void
drop_capabilities(int keep)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3] = {{0}};

	/* The bounding set can be lowered by those only who hold CAP_SETPCAP; the others gain nothing by it anyway, since
	 * no_new_privs makes set-user-ID and file capabilities void. Past the last capability the kernel says EINVAL. */
	for (int cap = 0; prctl(PR_CAPBSET_DROP, cap) == 0; cap++)
		;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		die_sys("ambient capabilities");
	if (syscall(SYS_capget, &head, caps) < 0)
		die_sys("capabilities");
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t kept = keep >= 0 && (unsigned)CAP_TO_INDEX(keep) == i ? caps[i].permitted & CAP_TO_MASK(keep) : 0;

		caps[i] = (struct __user_cap_data_struct){.effective = kept, .permitted = kept};
	}
	if (syscall(SYS_capset, &head, caps) < 0)
		die_sys("capabilities");
}

void
seal_privileges(void)
{
	seal_privileges_but(-1);
}

void
seal_privileges_but(int cap)
{
	/* The process stays dumpable: not being so would hide /proc/PID from the user who owns it, and its debugger. */
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die_sys("no_new_privs");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		die_sys("core file limit");
	drop_capabilities(cap);
}

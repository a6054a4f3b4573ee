/* SPDX-License-Identifier: ISC */
/* I/O past the page cache; the contract is in direct.h. */
#include <fcntl.h>
#include <linux/fs.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "common/direct.h"

#define FILE_BLOCK 4096 /* what is safe where the kernel (Linux before 6.1) does not say */

const char *
direct_begin(int fd, struct direct *d)
{
	int fl = fcntl(fd, F_GETFL), logical;
	struct statx sx;

	if (fl < 0 || (!(fl & O_DIRECT) && fcntl(fd, F_SETFL, fl | O_DIRECT) < 0))
		return "its file system has no direct I/O (O_DIRECT)";
	*d = (struct direct){FILE_BLOCK, FILE_BLOCK};
	if (ioctl(fd, BLKSSZGET, &logical) == 0)
		d->offset = (uint32_t)logical;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &sx) == 0 && sx.stx_mask & STATX_DIOALIGN &&
	    sx.stx_dio_offset_align && sx.stx_dio_offset_align <= DIRECT_ALIGN_MAX && sx.stx_dio_mem_align <= DIRECT_ALIGN_MAX)
		*d = (struct direct){sx.stx_dio_offset_align, sx.stx_dio_mem_align};
	return NULL;
}

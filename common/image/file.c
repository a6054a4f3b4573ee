/* SPDX-License-Identifier: ISC */
/* The checks that every file needs before its own functions; what it is made of is file_fd.c's or a test's. */
#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "common/bytes.h"
#include "common/image/file.h"

static int
may_write(const struct file *f, uint64_t off, uint64_t len)
{
	if (f->read_only)
		return -EROFS;
	if (!range_within(off, len, INT64_MAX))
		return -EFBIG;
	return f->block_device && !range_within(off, len, f->size) ? -ENOSPC : 0;
}

/* After a change up to `end`. */
static void
grown(struct file *f, uint64_t end)
{
	if (end > f->size)
		f->size = end;
}

int
file_read(struct file *f, void *buf, size_t len, uint64_t off)
{
	uint64_t there = off < f->size ? min_u64(len, f->size - off) : 0;
	int err = there ? f->ops->read(f, buf, there, off) : 0;

	if (there < len)
		memset((char *)buf + there, 0, len - there);
	return err;
}

int
file_write(struct file *f, const void *buf, size_t len, uint64_t off)
{
	int err = may_write(f, off, len);

	if (err || !len)
		return err;
	err = f->ops->write(f, buf, len, off);
	if (!err)
		grown(f, off + len);
	else if (off + len > f->size && f->ops->truncate(f, f->size)) /* what was written of it: past the end are zeroes alone */
		grown(f, off + len);
	return err;
}

int
file_zero(struct file *f, uint64_t off, uint64_t len, bool unmap)
{
	int err = may_write(f, off, len);

	if (err || !len)
		return err;
	err = f->ops->zero(f, off, len, unmap);
	if (!err)
		grown(f, off + len);
	return err;
}

int
file_discard(struct file *f, uint64_t off, uint64_t len)
{
	if (f->read_only)
		return -EROFS;
	len = off < f->size ? min_u64(len, f->size - off) : 0;
	return len ? f->ops->discard(f, off, len) : 0;
}

int
file_reserve(struct file *f, uint64_t off, uint64_t len)
{
	int err = may_write(f, off, len);

	if (err || !len || f->block_device)
		return err;
	err = f->ops->reserve(f, off, len);
	if (!err)
		grown(f, off + len);
	return err;
}

int
file_truncate(struct file *f, uint64_t size)
{
	int err = may_write(f, 0, size);

	if (err || f->block_device || size == f->size)
		return err;
	err = f->ops->truncate(f, size);
	if (!err)
		f->size = size;
	return err;
}

int
file_flush(struct file *f)
{
	if (f->read_only || f->unsafe)
		return 0;
	/* The kernel tells of a failure once, then takes what was not written for written. */
	if (!f->flush_failed)
		f->flush_failed = f->ops->flush(f);
	return f->flush_failed;
}

int
file_extent(struct file *f, uint64_t off, uint64_t *len, bool *hole)
{
	if (off >= f->size) {
		*hole = true;
		return 0;
	}
	*len = min_u64(*len, f->size - off);
	return f->ops->extent(f, off, len, hole);
}

void
file_close(struct file *f)
{
	if (f)
		f->ops->close(f);
}

void
file_nocow(struct file *f)
{
	int flags;

	if (f->fd >= 0 && !ioctl(f->fd, FS_IOC_GETFLAGS, &flags)) {
		flags |= FS_NOCOW_FL;
		ioctl(f->fd, FS_IOC_SETFLAGS, &flags);
	}
}

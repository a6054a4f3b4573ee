/* SPDX-License-Identifier: ISC */
/* A file that is a descriptor: a regular file or a block device. */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/direct.h"
#include "common/image/file.h"

/*
 * So much at a time goes into the page cache: for a longer write Linux takes a larger folio, from memory that nobody has used for
 * long. That is cold, and in a virtual machine the host has often to find it first, which costs more than all else.
 */
#define CACHED_WRITE (64 << 10)

/* Never written, so all of it is the kernel's one page of zeroes. */
static const uint8_t zeroes[256 << 10] __attribute__((aligned(4096)));

static int
read_all(struct file *f, void *buf, size_t len, uint64_t off)
{
	while (len) {
		ssize_t n = pread(f->fd, buf, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO; /* the file became shorter */
		buf = (uint8_t *)buf + n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int
write_all(struct file *f, const void *buf, size_t len, uint64_t off)
{
	size_t most = f->align ? SIZE_MAX : CACHED_WRITE; /* direct I/O has no cache */

	while (len) {
		ssize_t n = pwrite(f->fd, buf, len < most ? len : most, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf = (const uint8_t *)buf + n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

/* Whether direct I/O cannot take it as it is. */
static bool
askew(const struct file *f, const void *buf, size_t len, uint64_t off)
{
	return f->align && ((uintptr_t)buf | len | off) & (f->align - 1);
}

/* Whole blocks, in new memory; past the file's end, *got bytes on, are zeroes. NULL: *err says why. */
static uint8_t *
read_blocks(struct file *f, uint64_t from, size_t len, size_t *got, int *err)
{
	uint8_t *blocks = aligned_alloc(f->align, len);
	ssize_t n;

	*got = 0;
	*err = -ENOMEM;
	if (!blocks)
		return NULL;
	do {
		n = pread(f->fd, blocks + *got, len - *got, (off_t)(from + *got));
		*got += n > 0 ? (size_t)n : 0;
	} while (n < 0 ? errno == EINTR : n && *got < len && !(*got & (f->align - 1)));
	if (n < 0) {
		*err = -errno;
		free(blocks);
		return NULL;
	}
	memset(blocks + *got, 0, len - *got);
	return blocks;
}

static int
fd_read(struct file *f, void *buf, size_t len, uint64_t off)
{
	uint64_t skip;
	uint8_t *blocks;
	size_t got;
	int err;

	if (!askew(f, buf, len, off))
		return read_all(f, buf, len, off);
	skip = off & (f->align - 1);
	blocks = read_blocks(f, off - skip, align_up(skip + len, f->align), &got, &err);
	if (!blocks)
		return err;
	memcpy(buf, blocks + skip, len);
	free(blocks);
	return got < skip + len ? -EIO : 0; /* the file became shorter */
}

static int
fd_write(struct file *f, const void *buf, size_t len, uint64_t off)
{
	uint64_t skip;
	uint8_t *blocks;
	size_t got, all;
	int err;

	if (!askew(f, buf, len, off))
		return write_all(f, buf, len, off);
	skip = off & (f->align - 1);
	all = align_up(skip + len, f->align);
	blocks = read_blocks(f, off - skip, all, &got, &err);
	if (!blocks)
		return err;
	memcpy(blocks + skip, buf, len);
	err = write_all(f, blocks, all, off - skip);
	free(blocks);
	return err;
}

static int
fd_truncate(struct file *f, uint64_t size)
{
	return ftruncate(f->fd, (off_t)size) < 0 ? -errno : 0;
}

static int
allocate(struct file *f, int mode, uint64_t off, uint64_t len)
{
	int err;

	do
		err = fallocate(f->fd, mode, (off_t)off, (off_t)len) < 0 ? -errno : 0;
	while (err == -EINTR);
	return err;
}

static int
write_zeroes(struct file *f, uint64_t off, uint64_t len)
{
	int err = 0;

	for (uint64_t n; len && !err; off += n, len -= n) {
		n = min_u64(len, sizeof(zeroes));
		err = fd_write(f, zeroes, n, off);
	}
	return err;
}

static int
fd_zero(struct file *f, uint64_t off, uint64_t len, bool unmap)
{
	uint64_t end = off + len;
	int err;

	/* What lies past the end is a hole once the file is longer. */
	if (unmap && !f->block_device && end > f->size) {
		err = fd_truncate(f, end);
		if (err || off >= f->size)
			return err;
		len = f->size - off;
	}
	err = unmap ? allocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len) : -EOPNOTSUPP;
	if (err == -EOPNOTSUPP)
		err = allocate(f, FALLOC_FL_ZERO_RANGE, off, len);
	return err == -EOPNOTSUPP || err == -EINVAL ? write_zeroes(f, off, len) : err;
}

static int
fd_discard(struct file *f, uint64_t off, uint64_t len)
{
	int err = allocate(f, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, len);

	return err == -EOPNOTSUPP || err == -EINVAL ? 0 : err;
}

static int
fd_reserve(struct file *f, uint64_t off, uint64_t len)
{
	return allocate(f, 0, off, len);
}

static int
fd_flush(struct file *f)
{
	return fdatasync(f->fd) < 0 ? -errno : 0;
}

static int
fd_extent(struct file *f, uint64_t off, uint64_t *len, bool *hole)
{
	off_t at;

	*hole = false;
	if (f->block_device)
		return 0;
	at = lseek(f->fd, (off_t)off, SEEK_DATA);
	if (at < 0 && errno == ENXIO) { /* no data up to the end */
		*hole = true;
		return 0;
	}
	if (at < 0)
		return errno == EINVAL || errno == EOPNOTSUPP ? 0 : -errno;
	if ((uint64_t)at > off) {
		*hole = true;
		*len = min_u64(*len, (uint64_t)at - off);
		return 0;
	}
	at = lseek(f->fd, (off_t)off, SEEK_HOLE);
	if (at > (off_t)off)
		*len = min_u64(*len, (uint64_t)at - off);
	return 0;
}

static void
fd_close(struct file *f)
{
	close(f->fd);
	free(f);
}

static const struct file_ops fd_ops = {
	.read = fd_read,
	.write = fd_write,
	.zero = fd_zero,
	.discard = fd_discard,
	.reserve = fd_reserve,
	.truncate = fd_truncate,
	.flush = fd_flush,
	.extent = fd_extent,
	.close = fd_close,
};

/* NULL, or why it cannot be an image's file. */
static const char *
look(struct file *f, struct why *w)
{
	int fl = fcntl(f->fd, F_GETFL);
	struct stat st;

	if (fl < 0 || fstat(f->fd, &st) < 0)
		return why(w, "%s", strerror(errno));
	if ((fl & O_ACCMODE) == O_WRONLY || fl & O_PATH)
		return why(w, "not open for reading");
	f->read_only = (fl & O_ACCMODE) == O_RDONLY;
	f->block_device = S_ISBLK(st.st_mode);
	f->size = (uint64_t)st.st_size;
	if (f->block_device && ioctl(f->fd, BLKGETSIZE64, &f->size) < 0)
		return why(w, "%s", strerror(errno));
	if (!f->block_device && !S_ISREG(st.st_mode))
		return why(w, "%s", S_ISDIR(st.st_mode) ? strerror(EISDIR) : "neither a file nor a block device");
	return NULL;
}

struct file *
file_open_fd(int fd, const char *name, struct why *w)
{
	size_t len = strlen(name) + 1;
	struct file *f = calloc(1, sizeof(*f) + len);

	if (!f) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	f->ops = &fd_ops;
	f->name = memcpy(f + 1, name, len);
	f->fd = fd;
	if (!look(f, w))
		return f;
	free(f);
	return NULL;
}

const char *
file_go_direct(struct file *f)
{
	struct direct d;
	const char *reason = direct_begin(f->fd, &d);

	if (!reason)
		f->align = d.offset > d.memory ? d.offset : d.memory;
	return reason;
}

bool
file_direct(struct file *f, bool on)
{
	int fl = f->fd < 0 ? -1 : fcntl(f->fd, F_GETFL);

	return fl >= 0 && !fcntl(f->fd, F_SETFL, on ? fl | O_DIRECT : fl & ~O_DIRECT);
}

int
file_copy(struct file *to, uint64_t to_off, struct file *from, uint64_t from_off, uint64_t len, uint64_t *done)
{
	off_t in = (off_t)from_off, out = (off_t)to_off;

	*done = 0;
	if (to->fd < 0 || from->fd < 0 || to->block_device)
		return -EOPNOTSUPP;
	while (*done < len) {
		ssize_t n = copy_file_range(from->fd, &in, to->fd, &out, len - *done, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EOPNOTSUPP;
		*done += (uint64_t)n;
		if (to_off + *done > to->size)
			to->size = to_off + *done;
	}
	return 0;
}

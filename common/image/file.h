/* SPDX-License-Identifier: ISC */
/*
 * The bytes that an image is kept in. Formats see nothing else of the world: a test puts a recorder or a buffer here. All of
 * it is synchronous; read, write, zero and copy may be called by several threads at once, for ranges that do not overlap.
 */
#ifndef COMMON_IMAGE_FILE_H
#define COMMON_IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/why.h"

struct file;

/* All return 0 or -errno. Ranges were checked against INT64_MAX. */
struct file_ops {
	int (*read)(struct file *f, void *buf, size_t len, uint64_t off);
	int (*write)(struct file *f, const void *buf, size_t len, uint64_t off);
	int (*zero)(struct file *f, uint64_t off, uint64_t len, bool unmap);
	int (*discard)(struct file *f, uint64_t off, uint64_t len);
	int (*reserve)(struct file *f, uint64_t off, uint64_t len);
	int (*truncate)(struct file *f, uint64_t size);
	int (*flush)(struct file *f);
	int (*extent)(struct file *f, uint64_t off, uint64_t *len, bool *hole);
	void (*close)(struct file *f);
};

struct file {
	const struct file_ops *ops;
	const char *name;  /* for messages, and what names within the image are relative to; in a file of a descriptor, a copy */
	uint64_t size;	   /* bytes; kept true by write, zero and truncate, which are then one thread's alone where they grow it */
	int fd;		   /* -1: it is no descriptor; else for who does its own I/O (io_uring, copy_file_range) */
	bool read_only;
	int flush_failed;  /* -errno of the flush that failed, or 0 */
	bool block_device; /* of fixed size */
	uint32_t align;	   /* past the page cache: what addresses, offsets and lengths at best are multiples of; 0: through it */
	bool unsafe;	   /* flushes do nothing: the owner sees to it, or it is thrown away after a crash */
};

/*
 * A regular file or block device behind a descriptor, which is the file's from now on (closed by file_close), unless this
 * fails. Read-only if fd is. NULL with the reason (without the name).
 */
struct file *file_open_fd(int fd, const char *name, struct why *w);

/* Reads len bytes; what lies past the end reads as zeroes. */
int file_read(struct file *f, void *buf, size_t len, uint64_t off);

/* Writes all, growing the file. -EFBIG past INT64_MAX, -EROFS on a read-only one. */
int file_write(struct file *f, const void *buf, size_t len, uint64_t off);

/* The bytes read as zeroes from now on, growing the file; with unmap the space may be given back. */
int file_zero(struct file *f, uint64_t off, uint64_t len, bool unmap);

/* The bytes are not needed any more: what they read as is not said. A file system that cannot forget does nothing. */
int file_discard(struct file *f, uint64_t off, uint64_t len);

/* Space for the bytes is there from now on; their content stays. -EOPNOTSUPP where this cannot be promised. */
int file_reserve(struct file *f, uint64_t off, uint64_t len);

/* Cuts or grows (with zeroes). A block device only checks that the size fits: -ENOSPC. */
int file_truncate(struct file *f, uint64_t size);

/* All that was written is on stable storage. Once this failed it does so for ever: what is there then nobody knows. */
int file_flush(struct file *f);

/* Whether off is in a hole (which reads as zeroes), and for how many bytes, at most *len, that holds. Past the end: a hole. */
int file_extent(struct file *f, uint64_t off, uint64_t *len, bool *hole);

/*
 * Has the kernel copy bytes between two files, shared blocks and all where the file system can. *done is how many were
 * copied, from the front; -EOPNOTSUPP (and the like) means: the rest must be read and written.
 */
int file_copy(struct file *to, uint64_t to_off, struct file *from, uint64_t from_off, uint64_t len, uint64_t *done);

/*
 * Whether writes go past the page cache from now on, which long ones that nobody reads soon do faster: then memory, offset and
 * length of each are multiples of FILE_DIRECT_ALIGN. False: the file cannot, and all is as before.
 */
#define FILE_DIRECT_ALIGN 4096
bool file_direct(struct file *f, bool on);

/*
 * The same for all that comes, whatever its alignment: what has none takes a detour, on which the rest of the blocks at its
 * ends is read and written again. NULL, or the reason.
 */
const char *file_go_direct(struct file *f);

/* An empty file is not to be copied on write by the file system, which is of no use to an image, where that has such a thing. */
void file_nocow(struct file *f);

void file_close(struct file *f);

#endif

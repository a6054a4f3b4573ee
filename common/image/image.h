/* SPDX-License-Identifier: ISC */
/*
 * Disk images: one interface to all formats. An image maps ranges of the disk to extents; who knows an extent can read it
 * without the image, on any thread. Everything else of one image is for one thread at a time, which owns its metadata.
 * Nothing here opens a path: files, backing images and files that an image names come from its user.
 *
 * Functions return 0 or -errno, or a reason (NULL: none). After -errno, image->fault says more where it is not empty.
 */
#ifndef COMMON_IMAGE_IMAGE_H
#define COMMON_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/image/describe.h"
#include "common/image/file.h"
#include "common/why.h"

#define IMAGE_CHAIN_MAX 64 /* layers of a backing chain, the top included */
#define IMAGE_SIZE_MAX (INT64_MAX & ~(int64_t)511)

struct image;
struct unpacker; /* common/image/unpack.h: buffers and a decompressor, one a thread */

enum extent_kind {
	EXTENT_HOLE,   /* not in this layer: the backing image's bytes, or zeroes where there is none */
	EXTENT_ZERO,   /* zeroes, whatever the backing image holds */
	EXTENT_DATA,   /* plain bytes in `file` at `off` */
	EXTENT_PACKED, /* bytes that extent_load turns into plain ones: compressed or encrypted */
};

struct extent {
	enum extent_kind kind;
	uint64_t len;	      /* bytes of the disk, from what was asked for on, that this tells about; never 0 */
	struct image *image;  /* the layer that said so; set by image_map */
	struct file *file;    /* DATA and PACKED; ZERO where space is allocated for it */
	uint64_t off;	      /* in file */
	uint64_t at;	      /* where on the disk the extent begins */
	/* PACKED, the format's own: the unit that has to be unpacked as a whole. */
	uint64_t unit_at;     /* where on the disk it begins */
	uint32_t unit_len;    /* its bytes on the disk */
	uint32_t packed_len;  /* its bytes in file; 0: it is encrypted only, as long as the plain bytes, and begins at off */
	uint32_t method;
	bool allocated;	      /* ZERO: with space of its own; rest: see kind */
	bool in_place;	      /* DATA: nobody else uses the space: it may be written without a word to the image */
};

/* How to write zeroes, and flags of opening. */
#define ZERO_UNMAP 1	 /* give the space back */
#define IMAGE_WRITE 1	 /* else no byte is written, whatever the file allows */
#define IMAGE_INFO 2	 /* to be described only: neither data, keys nor files that it names are needed */
#define IMAGE_CHECK 4	 /* to be checked and repaired: inconsistencies that opening would refuse are borne */
#define IMAGE_UNSAFE 8	 /* flushes are not waited for: the result is thrown away after a crash */
#define IMAGE_ONCE 16	 /* gone through from its beginning to its end: little of its tables is kept in memory */

struct image_open {
	struct file *file; /* the image's from now on, also when opening fails */
	unsigned flags;	   /* IMAGE_ */
	const uint8_t *secret; /* passphrase of an encrypted image, or NULL */
	size_t secret_len;
	/*
	 * Opens a file that the image names (a data file, an extent of vmdk): the image's from then on. NULL with the reason. Where
	 * this is NULL, an image that needs one is refused.
	 */
	struct file *(*named)(void *user, const char *name, bool write, struct why *w);
	void *user;
};

/* How a unit is compressed: without a header (RFC 1951), with one (RFC 1950), as a frame (RFC 8878). */
enum image_pack { PACK_NONE, PACK_DEFLATE, PACK_ZLIB, PACK_ZSTD };

struct image {
	const struct format *format;
	struct file *file;
	uint64_t size;	       /* of the disk, bytes */
	uint32_t cluster_size; /* in what units it allocates, bytes; 0: none */
	bool read_only;
	bool encrypted;
	bool dirty;	       /* was not closed cleanly, as far as the format can tell */
	char *backing_name;    /* as the image has it, or NULL */
	char *backing_format;  /* or NULL where it does not say */
	struct image *backing; /* set by the user after opening; closed with the image; may be shorter or longer */
	struct unpacker *unpacker; /* of image_read, made when first needed */
	enum image_pack pack;	   /* what write_packed takes; set by opening for writing */
	struct why fault;      /* the first error in the image's structures, or empty */
};

/* One option of create and convert, -o NAME=VALUE; qemu-img's names. A table ends with a NULL name. */
struct image_option {
	const char *name;
	enum { OPTION_STRING, OPTION_SIZE, OPTION_NUMBER, OPTION_BOOL } type;
	const char *help;
	bool amend; /* can be changed later */
};

struct image_create {
	struct file *file; /* empty; stays the caller's, who opens the image anew */
	uint64_t size;
	const char *backing_name, *backing_format; /* or NULL */
	uint64_t backing_size;			   /* for formats that note it; 0 where unknown */
	struct image *backing;			   /* as it is now, or NULL where nobody looked; vmdk notes more of it */
	/* What -o said: pairs, checked against the format's table. */
	const struct image_setting {
		const struct image_option *option;
		const char *text;
		uint64_t number; /* size, number, boolean */
	} *settings;
	size_t nsettings;
	const uint8_t *secret;
	size_t secret_len;
	/* Makes a file beside the image (flat extents of vmdk, a data file of qcow2), empty; the caller's. NULL with the reason. */
	struct file *(*beside)(void *user, const char *name, struct why *w);
	void *user;
};

struct image_check {
	uint64_t errors, leaks;		   /* found */
	uint64_t errors_fixed, leaks_fixed;
	uint64_t internal;		   /* what could not be checked */
	uint64_t allocated, total, fragmented, compressed; /* clusters */
	uint64_t end;			   /* of the last used byte in the file */
	bool stats;			   /* allocated ... are told */
	/* A line of a finding; may be NULL. Bounded: after 1000 a last one says that there are more. */
	void (*tell)(void *user, const char *line);
	void (*progress)(void *user, uint64_t done, uint64_t total);
	void *user;
};
#define CHECK_FIX_LEAKS 1
#define CHECK_FIX_ERRORS 2

/* What a format can do; those it cannot are NULL. `i` is never read-only where something is written. */
struct format {
	const char *name; /* qemu-img's */
	const struct image_option *options; /* of create; NULL: it cannot be created */
	/* Whether a file that begins with these bytes (n is at most 4096, less for short files) is of this format. */
	bool (*probe)(const uint8_t *head, size_t n, struct file *f);
	struct image *(*open)(const struct image_open *how, struct why *w);
	void (*close)(struct image *i); /* frees what open made; the rest was flushed, and is image_close's */
	const char *(*create)(const struct image_create *c, struct why *w);
	/* The extent at off; len is what the caller wants to know about, at least 1, within the disk. */
	int (*map)(struct image *i, uint64_t off, uint64_t len, struct extent *e);
	/* The unit_len bytes of a compressed unit. On any thread: touches nothing of the image that may change. */
	int (*unpack)(const struct extent *e, void *unit, struct unpacker *u);
	/* Decrypts in place what was read from the extent's begin on; whole sectors of 512 bytes. On any thread. */
	int (*decrypt)(const struct extent *e, void *buf, size_t len);
	int (*write)(struct image *i, const void *buf, size_t len, uint64_t off);
	/* A whole unit of cluster_size bytes (at the end of the disk zeroes behind it) that the caller has compressed as i->pack. */
	int (*write_packed)(struct image *i, const void *packed, size_t len, uint64_t off);
	int (*zero)(struct image *i, uint64_t off, uint64_t len, unsigned flags);
	int (*discard)(struct image *i, uint64_t off, uint64_t len);
	int (*flush)(struct image *i);
	const char *(*resize)(struct image *i, uint64_t size, const char *preallocation, struct why *w);
	const char *(*set_backing)(struct image *i, const char *name, const char *format, struct why *w);
	/* Gives up all that this layer holds: every byte is the backing image's from now on (commit's last step). */
	int (*make_empty)(struct image *i);
	void (*describe)(struct image *i, struct describe *d); /* qemu-img's "format-specific" data */
	const char *(*check)(struct image *i, unsigned fix, struct image_check *c, struct why *w);
};

/* Opens, for writing if how->flags and the file say so. NULL with the reason (without the file's name). */
struct image *image_open(const struct format *format, const struct image_open *how, struct why *w);

/* Flushes, closes, frees: the whole chain with its files. 0 or the -errno of what could not be written. */
int image_close(struct image *i);

/* What of one layer is at off; at most len. */
int image_map(struct image *i, uint64_t off, uint64_t len, struct extent *e);

/*
 * The same through the chain: a HOLE only where no layer has anything. *depth, if not NULL, is the number of the layer,
 * the top's being 0.
 */
int image_map_chain(struct image *i, uint64_t off, uint64_t len, struct extent *e, unsigned *depth);

/* Bytes [skip, skip + len) of any extent, on any thread; u is that thread's. */
int extent_load(const struct extent *e, uint64_t skip, void *buf, size_t len, struct unpacker *u);

/* Reads through the chain. */
int image_read(struct image *i, void *buf, size_t len, uint64_t off);

/* Writes, zeroes, discards within the disk; -EINVAL beyond, -EROFS, -ENOTSUP. The chain below is never written. */
int image_write(struct image *i, const void *buf, size_t len, uint64_t off);
int image_write_packed(struct image *i, const void *packed, size_t len, uint64_t off);
int image_zero(struct image *i, uint64_t off, uint64_t len, unsigned flags);
int image_discard(struct image *i, uint64_t off, uint64_t len);
int image_flush(struct image *i);

/* Notes the first fault in the image's structures, and returns -EIO. */
int image_fault(struct image *i, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The reason for -errno: the image's fault where there is one. NULL for 0. */
const char *image_failed(const struct image *i, int err, struct why *w);

/* The setting of that name, or NULL; its number, or the given one. */
const struct image_setting *image_setting(const struct image_create *c, const char *name);
uint64_t image_number(const struct image_create *c, const char *name, uint64_t otherwise);

#endif

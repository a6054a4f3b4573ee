/* SPDX-License-Identifier: ISC */
/* Parts of jobs: transfers of a range of a file; and reading through the chain, which is cut into them. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/disk_image_dev.h"
#include "common/image/formats.h"
#include "common/iov.h"

/* Decrypts what was read, and puts it where it belongs. */
static int
unseal(struct part *p)
{
	struct sealed *s = p->sealed;
	int err = s->extent.image->format->decrypt(&s->extent, s->bytes, s->extent.len);

	iov_write(p->own, s->nown, 0, s->bytes, s->extent.len);
	return err;
}

static void
part_done(struct file_io *io, int err)
{
	struct part *p = container_of(io, struct part, io);
	struct job *j = p->job;

	if (p->sealed && !err)
		err = unseal(p);
	if (p->sealed)
		free(p->sealed->bytes);
	free(p->sealed);
	free(p->own);
	p->next = j->d->free_parts;
	j->d->free_parts = p;
	job_fail(j, err);
	if (--j->parts == 0)
		job_go_on(j);
}

static struct part *
new_part(struct job *j, enum file_op op, struct file *file, uint64_t off, uint64_t len)
{
	struct part *p = j->d->free_parts;

	if (p)
		j->d->free_parts = p->next;
	else
		p = malloc(sizeof(*p));
	if (!p)
		return NULL;
	p->job = j;
	p->own = NULL;
	p->sealed = NULL;
	p->io = (struct file_io){.op = op, .file = file, .off = off, .len = len, .done = part_done};
	j->parts++;
	return p;
}

static void
take_off(struct vec *v, uint64_t len)
{
	iov_skip(&v->iov, &v->niov, len);
	v->len -= len;
}

int
part_start_own(struct job *j, enum file_op op, struct file *file, uint64_t off, struct iovec *own, unsigned n, uint64_t len)
{
	struct part *p = new_part(j, op, file, off, len);

	if (!p) {
		free(own);
		return -ENOMEM;
	}
	p->own = own;
	p->io.iov = own;
	p->io.niov = n;
	disk_files_start(&j->d->files, &p->io);
	return 0;
}

int
part_start(struct job *j, enum file_op op, struct file *file, uint64_t off, struct vec *v, uint64_t len)
{
	bool one = v->iov->iov_len >= len;
	struct part *p;

	if (!one && v->len > len) { /* some pieces, the last of them perhaps cut in two */
		struct iovec *own = calloc(v->niov, sizeof(*own));
		unsigned n = own ? iov_part(own, v->iov, v->niov, 0, len) : 0;

		take_off(v, len);
		return own ? part_start_own(j, op, file, off, own, n, len) : -ENOMEM;
	}
	p = new_part(j, op, file, off, len);
	if (!p)
		return -ENOMEM;
	p->one = *v->iov;
	p->one.iov_len = len;
	p->io.iov = one ? &p->one : v->iov;
	p->io.niov = one ? 1 : v->niov;
	if (one)
		take_off(v, len);
	else
		*v = (struct vec){0}; /* the pieces are the part's: it is the last */
	disk_files_start(&j->d->files, &p->io);
	return 0;
}

/* The extent to read. Of raw images, where a hole is as good as data, the file system is not asked for every request. */
static int
map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	int err = 0;

	for (; off < i->size && i->format != &format_raw; i = i->backing, len = e->len) {
		err = image_map(i, off, min_u64(len, i->size - off), e);
		if (err || e->kind != EXTENT_HOLE || !i->backing)
			return err;
	}
	*e = (struct extent){.kind = EXTENT_ZERO, .len = len, .image = i, .at = off};
	if (off < i->size) {
		e->kind = EXTENT_DATA;
		e->file = i->file;
		e->off = off;
		e->len = min_u64(len, i->size - off);
	}
	return 0;
}

/* Bytes that are compressed: they are read and unpacked here and now. */
static int
load_packed(struct job *j, const struct extent *e, struct vec *v)
{
	int err = 0;

	for (uint64_t skip = 0, n; skip < e->len && !err; skip += n) {
		n = min_u64(v->iov->iov_len, e->len - skip);
		err = n ? extent_load(e, skip, v->iov->iov_base, n, j->d->unpacker) : 0;
		take_off(v, n);
	}
	return err;
}

/* Bytes that are encrypted: the guest's memory never sees them so. */
static int
load_encrypted(struct job *j, const struct extent *e, struct vec *v)
{
	struct sealed *s = malloc(sizeof(*s));
	struct iovec *own = calloc(v->niov, sizeof(*own));
	uint8_t *bytes = job_memory(j, e->len);
	struct part *p = s && own && bytes ? new_part(j, FILE_READ, e->file, e->off, e->len) : NULL;

	if (!p) {
		free(s);
		free(own);
		free(bytes);
		return -ENOMEM;
	}
	s->bytes = bytes;
	s->extent = *e;
	s->nown = iov_part(own, v->iov, v->niov, 0, e->len);
	take_off(v, e->len);
	p->sealed = s;
	p->own = own;
	p->one = (struct iovec){s->bytes, e->len};
	p->io.iov = &p->one;
	p->io.niov = 1;
	disk_files_start(&j->d->files, &p->io);
	return 0;
}

int
part_load(struct job *j, uint64_t off, struct vec *v, uint64_t len)
{
	struct extent e;
	int err = 0;

	for (; len && !err; off += e.len, len -= e.len) {
		err = map(j->d->top, off, len, &e);
		if (err)
			break;
		if (e.kind == EXTENT_DATA) {
			err = part_start(j, FILE_READ, e.file, e.off, v, e.len);
		} else if (e.kind == EXTENT_PACKED && e.packed_len) {
			err = load_packed(j, &e, v);
		} else if (e.kind == EXTENT_PACKED) {
			e.len = min_u64(e.len, ENCRYPTED_MAX);
			err = load_encrypted(j, &e, v);
		} else {
			iov_zero(v->iov, e.len);
			take_off(v, e.len);
		}
	}
	return err;
}

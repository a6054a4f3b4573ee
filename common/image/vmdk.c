/* SPDX-License-Identifier: ISC */
/* VMware's VMDK: opening an image with its extents, and what is where on the disk. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/unpack.h"
#include "common/image/vmdk.h"

/* Does a descriptor begin so? Comments, then the version of its syntax. */
static bool
is_text(const char *p, size_t n)
{
	const char *end = p + n, *eol;

	for (; p < end && strchr("#\r\n \t", *p) && *p; p = eol ? eol + 1 : end)
		eol = memchr(p, '\n', (size_t)(end - p));
	return end - p > 9 && !memcmp(p, "version=", 8) && p[8] >= '1' && p[8] <= '3';
}

static bool
vmdk_probe(const uint8_t *head, size_t n, struct file *f)
{
	(void)f;
	return n >= 4 && (!memcmp(head, VMDK_MAGIC, 4) || !memcmp(head, "COWD", 4) || is_text((const char *)head, n));
}

/* Reads the descriptor, which takes at most n bytes at `at`. */
static const char *
take_text(struct vmdk *v, struct file *f, uint64_t at, uint64_t n, bool inside, struct why *w)
{
	const char *reason;
	char *text;
	int err;

	if (!range_within(at, n, f->size))
		return why(w, "the descriptor ends beyond the file");
	n = min_u64(n, VMDK_TEXT_MAX);
	text = malloc(n + 1);
	err = text ? file_read(f, text, n, at) : -ENOMEM;
	reason = err ? why(w, "%s", strerror(-err)) : vmdk_text_take(v, text, n, at, inside, w);
	free(text);
	return reason;
}

/* One file with everything. */
static const char *
open_monolithic(struct vmdk *v, const struct image_open *how, const uint8_t *h, struct why *w)
{
	struct vmdk_extent *x = v->extents = calloc(1, sizeof(*x));
	uint64_t at = get_le64(h + VMDK_TEXT), n = get_le64(h + VMDK_TEXT_LEN);

	if (!x)
		return why(w, "%s", strerror(ENOMEM));
	v->n = 1;
	x->name = x->type = "";
	x->file = how->file;
	v->cid = v->parent_cid = VMDK_NO_PARENT;
	if (vmdk_sparse_open(x, how->file, how->flags & IMAGE_WRITE, w))
		return w->text;
	v->image.size = x->len;
	if (at > INT64_MAX / VMDK_SECTOR || n > INT64_MAX / VMDK_SECTOR)
		return why(w, "the descriptor ends beyond the file");
	return at ? take_text(v, how->file, at * VMDK_SECTOR, n * VMDK_SECTOR, true, w) : NULL;
}

static const char *
open_extent(struct vmdk_extent *x, const struct image_open *how, struct why *w)
{
	uint64_t len = x->len;
	struct why inner;

	if (x->kind == VMDK_ZERO)
		return NULL;
	if (!how->named)
		return how->flags & IMAGE_INFO ? NULL : why(w, "it has its data in other files: %s", x->name);
	x->file = how->named(how->user, x->name, how->flags & IMAGE_WRITE && !x->fixed, &inner);
	if (!x->file)
		return how->flags & IMAGE_INFO ? NULL : why(w, "%.*s", WHY_MAX - 1, inner.text);
	x->own = true;
	if (x->kind == VMDK_FLAT)
		return range_within(x->flat, x->len, x->file->size) ? NULL : why(w, "%s: shorter than the image says", x->name);
	if (vmdk_sparse_open(x, x->file, how->flags & IMAGE_WRITE && !x->fixed, &inner))
		return why(w, "%.99s: %.150s", x->name, inner.text);
	return x->len == len ? NULL : why(w, "%s: of another size than the image says", x->name);
}

/* A descriptor, which is a file of its own. */
static const char *
open_text(struct vmdk *v, const struct image_open *how, struct why *w)
{
	static const char *const types[] = {"monolithicFlat", "vmfs", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "custom"};
	const char *reason = take_text(v, how->file, 0, how->file->size, false, w);
	bool known = false;

	if (reason)
		return reason;
	for (size_t n = 0; n < ARRAY_LEN(types); n++)
		known |= v->create_type && !strcmp(v->create_type, types[n]);
	if (!known)
		return why(w, "images of type %s are not supported", v->create_type ? v->create_type : "(none)");
	for (size_t n = 0; n < v->n && !reason; n++)
		reason = open_extent(&v->extents[n], how, w);
	return reason;
}

static const char *
open_any(struct vmdk *v, const struct image_open *how, struct why *w)
{
	uint8_t head[VMDK_SECTOR];
	int err = file_read(how->file, head, sizeof(head), 0);

	if (err)
		return why(w, "%s", strerror(-err));
	if (!memcmp(head, VMDK_MAGIC, 4))
		return open_monolithic(v, how, head, w);
	if (!memcmp(head, "COWD", 4))
		return why(w, "images of type vmfsSparse (COWD) are not supported");
	return is_text((const char *)head, sizeof(head)) ? open_text(v, how, w) : why(w, "not a VMDK image");
}

/* Grains of one size in all extents, or none; whole ones are packed by who writes them. */
static void
sum_up(struct vmdk *v, bool write)
{
	struct image *i = &v->image;

	for (size_t n = 0; n < v->n; n++) {
		struct vmdk_extent *x = &v->extents[n];

		if (x->kind != VMDK_SPARSE || (n && x->grain != i->cluster_size)) {
			i->cluster_size = 0;
			break;
		}
		i->cluster_size = x->grain;
	}
	if (write && v->n == 1 && v->extents->packed && v->extents->markers)
		i->pack = PACK_ZLIB;
}

static void
free_all(struct vmdk *v)
{
	for (size_t n = 0; n < v->n; n++) {
		struct vmdk_extent *x = &v->extents[n];

		vmdk_stream_free(x);
		tables_free(x->tables);
		if (x->own)
			file_close(x->file);
	}
	free(v->extents);
	free(v->create_type);
	free(v->words);
	free(v);
}

static struct image *
vmdk_open(const struct image_open *how, struct why *w)
{
	struct vmdk *v = calloc(1, sizeof(*v));

	if (!v) {
		why(w, "%s", strerror(ENOMEM));
		return NULL;
	}
	v->unsafe = how->flags & IMAGE_UNSAFE;
	v->parent_is_good = how->flags & IMAGE_CHECK;
	if (!open_any(v, how, w)) {
		v->image.backing_format = v->image.backing_name ? strdup("vmdk") : NULL;
		sum_up(v, how->flags & IMAGE_WRITE);
		return &v->image;
	}
	free(v->image.backing_name);
	free_all(v);
	return NULL;
}

static void
vmdk_close(struct image *i)
{
	free_all(vmdk_of(i));
}

struct vmdk_extent *
vmdk_find(struct vmdk *v, uint64_t off, uint64_t *len)
{
	size_t low = 0, high = v->n - 1;

	while (low < high) { /* the last that begins at or before */
		size_t middle = high - (high - low) / 2;

		if (v->extents[middle].at <= off)
			low = middle;
		else
			high = middle - 1;
	}
	*len = min_u64(*len, v->extents[low].at + v->extents[low].len - off);
	return &v->extents[low];
}

/* What is not here is in the parent as it was when this image was made of it, which its content ID tells. */
static int
look_at_parent(struct vmdk *v)
{
	struct image *p = v->image.backing;

	if (!p || v->parent_is_good)
		return 0;
	if (p->format != &format_vmdk)
		return image_fault(&v->image, "the backing image is not of format vmdk");
	if (vmdk_of(p)->cid != v->parent_cid)
		return image_fault(&v->image, "the backing image is not as it was: its CID is %08x, not %08x", vmdk_of(p)->cid,
		    v->parent_cid);
	v->parent_is_good = true;
	return 0;
}

static int
map_flat(struct vmdk_extent *x, uint64_t off, struct extent *e)
{
	bool hole;
	int err;

	e->file = x->file;
	e->off = x->flat + off;
	e->allocated = true;
	err = file_extent(x->file, e->off, &e->len, &hole);
	e->kind = hole ? EXTENT_ZERO : EXTENT_DATA;
	return err;
}

static int
vmdk_map(struct image *i, uint64_t off, uint64_t len, struct extent *e)
{
	struct vmdk_extent *x = vmdk_find(vmdk_of(i), off, &len);
	int err;

	e->len = len;
	if (x->kind == VMDK_ZERO) {
		e->kind = EXTENT_ZERO;
		return 0;
	}
	if (!x->file)
		return image_fault(i, "%s: not opened", x->name);
	if (x->kind == VMDK_FLAT)
		return map_flat(x, off - x->at, e);
	err = vmdk_sparse_map(vmdk_of(i), x, off - x->at, len, e);
	e->len = min_u64(e->len, len);
	return err || e->kind != EXTENT_HOLE ? err : look_at_parent(vmdk_of(i));
}

static int
vmdk_unpack(const struct extent *e, void *unit, struct unpacker *u)
{
	uint8_t *packed = unpacker_room(u, e->packed_len);
	int err = packed ? file_read(e->file, packed, e->packed_len, e->off) : -ENOMEM;

	return err ? err : unpack_zlib(u, packed, e->packed_len, unit, e->unit_len);
}

static void
describe_extent(const struct vmdk *v, const struct vmdk_extent *x, struct describe *d)
{
	d->begin(d, NULL, false);
	if (x->packed)
		d->boolean(d, "compressed", true);
	d->number(d, "virtual-size", (int64_t)x->len);
	d->string(d, "filename", x->own ? x->file->name : *x->name ? x->name : v->image.file->name);
	if (x->grain)
		d->number(d, "cluster-size", x->grain);
	d->string(d, "format", x->type);
	d->end(d);
}

static void
vmdk_describe(struct image *i, struct describe *d)
{
	struct vmdk *v = vmdk_of(i);

	d->number(d, "cid", v->cid);
	d->number(d, "parent-cid", v->parent_cid);
	d->string(d, "create-type", v->create_type ? v->create_type : "monolithicSparse");
	d->begin(d, "extents", true);
	for (size_t n = 0; n < v->n; n++)
		describe_extent(v, &v->extents[n], d);
	d->end(d);
}

const struct format format_vmdk = {
	.name = "vmdk",
	.options = vmdk_options,
	.probe = vmdk_probe,
	.open = vmdk_open,
	.close = vmdk_close,
	.create = vmdk_create,
	.map = vmdk_map,
	.unpack = vmdk_unpack,
	.write = vmdk_write,
	.write_packed = vmdk_write_packed,
	.zero = vmdk_zero,
	.discard = vmdk_discard,
	.flush = vmdk_flush,
	.describe = vmdk_describe,
	.check = vmdk_check,
};

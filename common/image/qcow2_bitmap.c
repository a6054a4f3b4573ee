/* SPDX-License-Identifier: ISC */
/* The bitmap directory, read. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/qcow2_bitmap.h"

bool
bitmaps_present(struct qcow2 *q)
{
	return q->autoclear & QCOW2_BITMAPS && qcow2_ext_find(q, QCOW2_EXT_BITMAPS);
}

uint64_t
bitmap_entry_size(const struct bitmap *m)
{
	return align_up(BITMAP_ENTRY + m->extra_size + strlen(m->name), 8);
}

/* One entry, n bytes of which are there. *used: what it takes. */
static int
parse(struct bitmap *m, const uint8_t *p, size_t n, size_t *used, struct why *w)
{
	size_t name_len;

	if (n < BITMAP_ENTRY)
		return why(w, "bitmap directory is cut short"), -EINVAL;
	*m = (struct bitmap){.table_offset = get_be64(p), .table_size = get_be32(p + 8), .flags = get_be32(p + BITMAP_AT_FLAGS),
			     .type = p[16], .granularity_bits = p[17], .extra_size = get_be32(p + 20)};
	name_len = get_be16(p + 18);
	if (!range_within(m->extra_size, name_len, n - BITMAP_ENTRY))
		return why(w, "bitmap directory is cut short"), -EINVAL;
	if (!name_len || name_len > BITMAP_NAME_MAX || memchr(p + BITMAP_ENTRY + m->extra_size, 0, name_len))
		return why(w, "bitmap directory: a name of %zu bytes", name_len), -EINVAL;
	if (m->table_size > BITMAP_TABLE_MAX || m->granularity_bits > 63)
		return why(w, "bitmap directory: a table of %u entries, granularity 2^%u", m->table_size, m->granularity_bits), -EINVAL;
	m->name = strndup((const char *)p + BITMAP_ENTRY + m->extra_size, name_len);
	m->extra = malloc(m->extra_size + 1);
	if (!m->name || !m->extra)
		return -ENOMEM;
	memcpy(m->extra, p + BITMAP_ENTRY, m->extra_size);
	*used = min_u64(align_up(BITMAP_ENTRY + m->extra_size + name_len, 8), n);
	return 0;
}

static int
parse_all(struct bitmaps *b, const uint8_t *p, size_t n, uint32_t count, struct why *w)
{
	size_t used = 0;
	int err = 0;

	b->list = calloc(count ? count : 1, sizeof(*b->list));
	if (!b->list)
		return -ENOMEM;
	for (; b->n < count && !err; b->n++, p += used, n -= used)
		err = parse(&b->list[b->n], p, n, &used, w);
	return err;
}

int
bitmaps_load(struct bitmaps *b, struct qcow2 *q, struct why *w)
{
	const struct qcow2_ext *e = qcow2_ext_find(q, QCOW2_EXT_BITMAPS);
	uint8_t *dir;
	uint32_t count;
	int err;

	*b = (struct bitmaps){0};
	w->text[0] = 0;
	if (!bitmaps_present(q))
		return 0;
	if (e->len < BITMAP_EXTENSION)
		return why(w, "bitmaps extension is cut short"), -EINVAL;
	count = get_be32(e->data);
	b->bytes = get_be64(e->data + 8);
	b->offset = get_be64(e->data + 16);
	if (count > BITMAPS_MAX || b->bytes > BITMAP_DIRECTORY_MAX || b->bytes / BITMAP_ENTRY < count ||
	    b->offset & (qcow2_cluster(q) - 1) || !range_within(b->offset, b->bytes, q->image.file->size))
		return why(w, "bitmap directory of %u bitmaps does not fit in the file", count), -EINVAL;
	dir = malloc(b->bytes + 1);
	err = dir ? file_read(q->image.file, dir, b->bytes, b->offset) : -ENOMEM;
	if (!err)
		err = parse_all(b, dir, b->bytes, count, w);
	free(dir);
	if (err && !w->text[0])
		why(w, "bitmap directory: %s", strerror(-err));
	return err;
}

void
bitmaps_free(struct bitmaps *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->list[i].name);
		free(b->list[i].extra);
	}
	free(b->list);
}

/* SPDX-License-Identifier: ISC */
/*
 * The log of a VHDX image (MS-VHDX, 2.3): a ring of entries, each of which says what sectors of the file are to be. Ours is
 * empty but for the moments in which a table is written, so that who cannot replay one can read the image afterwards.
 */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/vhdx.h"

#define LOG_MAX (64 * VHDX_MIB) /* of a log that is replayed: it is kept in memory */
#define PATCHES_MAX 16384
#define PAGES_MAX 126 /* as many descriptors as the first sector of an entry holds */

/* 2.3.1.1 Log Entry Header, followed by descriptors; from the next sector on the data of those that have some. */
enum {
	ENTRY_SUM = 4,
	ENTRY_LEN = 8,
	ENTRY_TAIL = 12, /* the oldest entry that had not been carried out */
	ENTRY_SEQUENCE = 16,
	ENTRY_COUNT = 24,
	ENTRY_GUID = 32,
	ENTRY_FLUSHED = 48, /* the file has at least this size */
	ENTRY_LAST = 56,    /* and is to have this one */
	ENTRY_HEAD = 64,
};
/* 2.3.1.2 and 2.3.1.3: "zero" and "desc" */
enum {
	DESC_TRAILING = 4, /* the last 4 bytes of the sector */
	DESC_LEADING = 8,  /* the first 8; or the length in zeroes */
	DESC_AT = 16,
	DESC_SEQUENCE = 24,
	DESC_LEN = 32,
};
/* 2.3.1.4: "data", and the sequence number around the bytes between */
enum {
	DATA_SEQUENCE_HIGH = 4,
	DATA_BYTES = 8,
	DATA_SEQUENCE_LOW = 4092,
};

struct entry {
	uint64_t at, len, tail, sequence, flushed, last; /* at and tail: in the log */
	uint32_t count;
};

struct search {
	struct vhdx *v;
	struct file *file;
	uint8_t *buf;	 /* the entry that was looked at last; as long as the log */
	uint64_t budget; /* bytes that may yet be summed: a hostile log could have any number of long entries in one another */
};

static int
read_ring(struct search *s, uint8_t *buf, uint64_t len, uint64_t at)
{
	uint64_t first = min_u64(len, s->v->log.len - at);
	int err = file_read(s->file, buf, first, s->v->log.at + at);

	return err ? err : file_read(s->file, buf + first, len - first, s->v->log.at);
}

/* The data sector of the k-th descriptor that has one. */
static uint8_t *
data_sector(uint8_t *entry, uint32_t count, uint32_t k)
{
	return entry + align_up(ENTRY_HEAD + (uint64_t)count * DESC_LEN, VHDX_SECTOR) + (uint64_t)k * VHDX_SECTOR;
}

/* Whether descriptors and data are all of this entry. */
static bool
parts_right(uint8_t *p, const struct entry *e)
{
	uint64_t room = e->len - align_up(ENTRY_HEAD + (uint64_t)e->count * DESC_LEN, VHDX_SECTOR);
	uint32_t k = 0;

	for (uint32_t n = 0; n < e->count; n++) {
		const uint8_t *d = p + ENTRY_HEAD + (size_t)n * DESC_LEN, *data;

		if (get_le64(d + DESC_SEQUENCE) != e->sequence)
			return false;
		if (!memcmp(d, "zero", 4))
			continue;
		if (memcmp(d, "desc", 4) || (k + 1) * (uint64_t)VHDX_SECTOR > room)
			return false;
		data = data_sector(p, e->count, k++);
		if (memcmp(data, "data", 4) || get_le32(data + DATA_SEQUENCE_HIGH) != e->sequence >> 32 ||
		    get_le32(data + DATA_SEQUENCE_LOW) != (uint32_t)e->sequence)
			return false;
	}
	return true;
}

/* Whether an entry of this log is at `at`; 1, 0 or -errno. */
static int
look_at_entry(struct search *s, uint64_t at, struct entry *e)
{
	uint8_t *p = s->buf;
	int err = read_ring(s, p, VHDX_SECTOR, at);

	if (err)
		return err;
	*e = (struct entry){at, get_le32(p + ENTRY_LEN), get_le32(p + ENTRY_TAIL), get_le64(p + ENTRY_SEQUENCE),
	    get_le64(p + ENTRY_FLUSHED), get_le64(p + ENTRY_LAST), get_le32(p + ENTRY_COUNT)};
	if (memcmp(p, "loge", 4) || memcmp(p + ENTRY_GUID, s->v->header + HEADER_LOG_GUID, VHDX_GUID) || !e->sequence ||
	    !e->len || e->len % VHDX_SECTOR || e->len > s->v->log.len || e->tail % VHDX_SECTOR || e->tail >= s->v->log.len ||
	    ENTRY_HEAD + (uint64_t)e->count * DESC_LEN > e->len)
		return 0;
	if (s->budget < e->len)
		return -ELOOP;
	s->budget -= e->len;
	err = read_ring(s, p, e->len, at);
	if (err)
		return err;
	return vhdx_sum_right(p, e->len, ENTRY_SUM) && parts_right(p, e);
}

/* Entries that follow each other from `at` on: the last of them, and their length. -errno */
static int
follow(struct search *s, uint64_t at, struct entry *head, uint64_t *len)
{
	struct entry e = {0};
	int found;

	*len = 0;
	while ((found = look_at_entry(s, (at + *len) % s->v->log.len, &e)) > 0) {
		if ((*len && e.sequence != head->sequence + 1) || *len + e.len > s->v->log.len)
			return 0;
		*head = e;
		*len += e.len;
	}
	return found;
}

/* The last entry of the sequence that is to be replayed (2.3.2). len 0: there is none. */
static int
find_head(struct search *s, struct entry *head)
{
	uint64_t ring = s->v->log.len, len;
	struct entry last;
	int err = 0;

	head->len = 0;
	for (uint64_t at = 0; at < ring && !err; at += len ? len : VHDX_SECTOR) {
		err = follow(s, at, &last, &len);
		if (!err && len && (last.tail + ring - at) % ring < len && (!head->len || last.sequence > head->sequence))
			*head = last;
	}
	return err;
}

static const char *
add_patch(struct search *s, const struct entry *e, struct vhdx_patch p, struct why *w)
{
	struct vhdx *v = s->v;
	uint64_t size = e->last > s->file->size ? e->last : s->file->size;

	/* Never what comes before the log, nor the log itself. */
	if (p.at < VHDX_MIB || p.at % VHDX_SECTOR || p.len % VHDX_SECTOR || !range_within(p.at, p.len, size) ||
	    (p.at < v->log.at + v->log.len && v->log.at < p.at + p.len)) {
		free(p.bytes);
		return why(w, "its log is for a place where nothing of it can be, %llu", (unsigned long long)p.at);
	}
	if (v->npatches == PATCHES_MAX) {
		free(p.bytes);
		return why(w, "its log has too many entries");
	}
	v->patches[v->npatches++] = p;
	return NULL;
}

/* The patches of the entry in s->buf. */
static const char *
take_entry(struct search *s, const struct entry *e, struct why *w)
{
	const char *reason = NULL;
	uint32_t k = 0;

	for (uint32_t n = 0; n < e->count && !reason; n++) {
		const uint8_t *d = s->buf + ENTRY_HEAD + (size_t)n * DESC_LEN;
		struct vhdx_patch p = {.at = get_le64(d + DESC_AT), .len = get_le64(d + DESC_LEADING)};

		if (!memcmp(d, "desc", 4)) {
			p.len = VHDX_SECTOR;
			p.bytes = malloc(VHDX_SECTOR);
			if (!p.bytes)
				return why(w, "%s", strerror(ENOMEM));
			memcpy(p.bytes, data_sector(s->buf, e->count, k++), VHDX_SECTOR);
			memcpy(p.bytes, d + DESC_LEADING, 8);
			memcpy(p.bytes + VHDX_SECTOR - 4, d + DESC_TRAILING, 4);
		}
		reason = add_patch(s, e, p, w);
	}
	return reason;
}

/* From the head's tail to the head. */
static const char *
take_sequence(struct search *s, const struct entry *head, struct why *w)
{
	uint64_t at = head->tail, sequence = 0;
	const char *reason = NULL;
	struct entry e;

	do {
		int found = look_at_entry(s, at, &e);

		if (found < 0)
			return why(w, "%s", strerror(-found));
		if (!found || (sequence && e.sequence != sequence + 1) || e.sequence > head->sequence)
			return why(w, "its log is not whole");
		if (e.flushed > s->file->size)
			return why(w, "the file was cut: its log says that it had %llu bytes", (unsigned long long)e.flushed);
		reason = take_entry(s, &e, w);
		sequence = e.sequence;
		at = (at + e.len) % s->v->log.len;
	} while (!reason && sequence != head->sequence);
	s->v->log_last = head->last;
	return reason;
}

const char *
vhdx_log_read(struct vhdx *v, struct file *f, struct why *w)
{
	struct search s = {.v = v, .file = f, .budget = 8 * v->log.len};
	struct entry head = {0};
	const char *reason = NULL;
	int err;

	if (v->log.len > LOG_MAX)
		return why(w, "it has to be replayed from a log of more than 64M");
	s.buf = malloc(v->log.len);
	v->patches = calloc(PATCHES_MAX, sizeof(*v->patches));
	err = s.buf && v->patches ? find_head(&s, &head) : -ENOMEM;
	if (err)
		reason = err == -ELOOP ? why(w, "its log has entries in one another") : why(w, "%s", strerror(-err));
	else if (head.len) /* else none was completed, so none was carried out either */
		reason = take_sequence(&s, &head, w);
	free(s.buf);
	return reason;
}

void
vhdx_log_drop(struct vhdx *v)
{
	while (v->npatches)
		free(v->patches[--v->npatches].bytes);
	free(v->patches);
	v->patches = NULL;
}

/* The log is empty, say both headers. */
static int
empty_log(struct vhdx *v, struct file *f)
{
	int err;

	memset(v->header + HEADER_LOG_GUID, 0, VHDX_GUID);
	err = vhdx_write_header(v, f);
	return err ? err : vhdx_write_header(v, f);
}

int
vhdx_log_replay(struct vhdx *v, struct file *f)
{
	int err = v->log_last > f->size ? file_truncate(f, v->log_last) : 0;

	for (size_t n = 0; n < v->npatches && !err; n++) {
		const struct vhdx_patch *p = &v->patches[n];

		err = p->bytes ? file_write(f, p->bytes, p->len, p->at) : file_zero(f, p->at, p->len, true);
	}
	if (!err)
		err = file_flush(f);
	if (!err)
		err = empty_log(v, f);
	vhdx_log_drop(v);
	v->image.dirty = err;
	v->replayed = !err;
	return err;
}

static uint8_t *
descriptor(struct vhdx *v, unsigned n)
{
	return v->entry + ENTRY_HEAD + (size_t)n * DESC_LEN;
}

static uint8_t *
page(struct vhdx *v, unsigned n)
{
	return v->entry + (size_t)(n + 1) * VHDX_SECTOR;
}

/* v->entry, of pages and descriptors that say where each is to be, becomes a log entry. */
static void
make_entry(struct vhdx *v, uint32_t at)
{
	uint8_t *p = v->entry;
	uint32_t len = (v->npages + 1) * VHDX_SECTOR;

	memcpy(p, "loge", 4);
	put_le32(p + ENTRY_LEN, len);
	put_le32(p + ENTRY_TAIL, at);
	put_le64(p + ENTRY_SEQUENCE, ++v->log_sequence);
	put_le32(p + ENTRY_COUNT, v->npages);
	memcpy(p + ENTRY_GUID, v->header + HEADER_LOG_GUID, VHDX_GUID);
	put_le64(p + ENTRY_FLUSHED, v->image.file->size);
	put_le64(p + ENTRY_LAST, v->image.file->size);
	for (unsigned n = 0; n < v->npages; n++) {
		uint8_t *d = descriptor(v, n), *data = page(v, n);

		memcpy(d, "desc", 4);
		memcpy(d + DESC_LEADING, data, 8);
		memcpy(d + DESC_TRAILING, data + VHDX_SECTOR - 4, 4);
		put_le64(d + DESC_SEQUENCE, v->log_sequence);
		memcpy(data, "data", 4);
		put_le32(data + DATA_SEQUENCE_HIGH, (uint32_t)(v->log_sequence >> 32));
		put_le32(data + DATA_SEQUENCE_LOW, (uint32_t)v->log_sequence);
	}
	put_le32(p + ENTRY_SUM, vhdx_sum(p, len, ENTRY_SUM));
}

static int
write_pages(struct vhdx *v)
{
	int err = 0;

	for (unsigned n = 0; n < v->npages && !err; n++) {
		uint8_t *d = descriptor(v, n), *data = page(v, n);

		memcpy(data, d + DESC_LEADING, 8);
		memcpy(data + VHDX_SECTOR - 4, d + DESC_TRAILING, 4);
		err = file_write(v->image.file, data, VHDX_SECTOR, get_le64(d + DESC_AT));
	}
	return err ? err : file_flush(v->image.file);
}

/*
 * The entry is on disk before a header says that there is one, and then before a page is written; in turn in the one half
 * of the log and the other, so that a header never speaks of a log without a whole entry.
 */
static int
commit(struct vhdx *v)
{
	struct file *f = v->image.file;
	uint32_t at = v->slot ? (uint32_t)(v->log.len / 2) : 0;
	int err;

	if (!vhdx_guid(v->header + HEADER_LOG_GUID))
		return -EIO;
	make_entry(v, at);
	err = file_write(f, v->entry, (size_t)(v->npages + 1) * VHDX_SECTOR, v->log.at + at);
	if (!err)
		err = file_flush(f);
	if (!err)
		err = vhdx_write_header(v, f);
	if (!err)
		err = write_pages(v);
	if (!err)
		err = empty_log(v, f);
	v->slot ^= 1;
	v->npages = 0;
	return err;
}

/* A sector of the log is more than the last page of the BAT may be. */
static int
add_page(void *user, const void *buf, size_t len, uint64_t off)
{
	struct vhdx *v = user;
	int err = v->npages == PAGES_MAX ? commit(v) : 0;

	if (!err)
		err = vhdx_read(v, v->image.file, page(v, v->npages) + len, VHDX_SECTOR - len, off + len);
	if (err)
		return err;
	if (!v->npages)
		memset(v->entry, 0, VHDX_SECTOR);
	memcpy(page(v, v->npages), buf, len);
	put_le64(descriptor(v, v->npages++) + DESC_AT, off);
	return 0;
}

int
vhdx_log_write(struct vhdx *v)
{
	int err;

	if (v->broken)
		return -EIO;
	if (!v->entry)
		v->entry = malloc((size_t)(PAGES_MAX + 1) * VHDX_SECTOR);
	if (!v->entry)
		return -ENOMEM;
	err = tables_write(v->tables, add_page, v);
	if (!err && v->npages)
		err = commit(v);
	v->broken = err;
	return err;
}

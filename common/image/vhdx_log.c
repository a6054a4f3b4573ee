/* SPDX-License-Identifier: ISC */
/* The log of a VHDX image as it is found: whether there is a sequence of whole entries in it, and carrying that out. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/vhdx_log.h"

#define LOG_MAX (64 * VHDX_MIB) /* of a log that is replayed: it is kept in memory */
#define PATCHES_MAX 16384

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

int
vhdx_log_empty(struct vhdx *v, struct file *f)
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
		err = vhdx_log_empty(v, f);
	vhdx_log_drop(v);
	v->image.dirty = err;
	v->replayed = !err;
	return err;
}

/* SPDX-License-Identifier: ISC */
/*
 * Where a UDIF image says what its chunks are: the trailer ("koly") at its end points to a resource fork, or to a property list
 * in XML, of tables ("mish"). All numbers are big-endian.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/dmg.h"
#include "common/image/unpack.h"

#define LIST_MAX (16 << 20) /* bytes of either form: QEMU's limit of a property list */
#define SECTORS_MAX (IMAGE_SIZE_MAX / 512)

enum {
	KOLY_DATA = 24, /* the data fork: where */
	KOLY_FORK = 40, /* the resource fork: where, how long */
	KOLY_XML = 216, /* the property list: where, how long */
	KOLY_SECTORS = 492,
	MISH_FIRST = 8,	/* sector of the disk that its chunks count from */
	MISH_DATA = 24,
	MISH_CHUNKS = 204,
	CHUNK_FIRST = 8,
	CHUNK_COUNT = 16,
	CHUNK_OFF = 24,
	CHUNK_LEN = 32,
	CHUNK = 40,
};

struct koly {
	struct file *file;
	uint64_t end;  /* where the trailer is: what it points to lies before */
	uint64_t data; /* the data fork */
};

static const char *
method_name(uint32_t type)
{
	switch (type) {
	case DMG_ADC:
		return "ADC";
	case DMG_LZFSE:
		return "LZFSE";
	case DMG_LZMA:
		return "LZMA";
	default:
		return NULL;
	}
}

static const char *
add(struct dmg *d, const struct dmg_chunk *c, struct why *w)
{
	if (d->n == d->room) {
		size_t room = d->room ? d->room * 2 : 64;
		struct dmg_chunk *more = reallocarray(d->chunks, room, sizeof(*more));

		if (!more)
			return why(w, "%s", strerror(ENOMEM));
		d->chunks = more;
		d->room = room;
	}
	d->chunks[d->n++] = *c;
	return NULL;
}

/* The chunk's bytes are in the file, and not more of them than can be unpacked. */
static const char *
look_at_data(const struct koly *k, struct dmg_chunk *c, uint64_t data, uint64_t off, uint64_t len, struct why *w)
{
	bool raw = c->type == DMG_RAW;

	if (__builtin_add_overflow(data, off, &off) || !range_within(off, len, k->end))
		return why(w, "the chunk of sector %llu lies beyond the file", (unsigned long long)c->first);
	if (raw ? len / 512 < c->count : !len || len > UNIT_MAX || c->count > UNIT_MAX / 512)
		return why(w, "the chunk of sector %llu has %llu bytes for %llu sectors", (unsigned long long)c->first,
		    (unsigned long long)len, (unsigned long long)c->count);
	c->off = off;
	c->len = raw ? 0 : (uint32_t)len;
	return NULL;
}

static const char *
take_chunk(struct dmg *d, const struct koly *k, const uint8_t *mish, const uint8_t *p, struct why *w)
{
	struct dmg_chunk c = {.type = get_be32(p), .count = get_be64(p + CHUNK_COUNT)};
	uint64_t data, from = get_be64(mish + MISH_FIRST), first = get_be64(p + CHUNK_FIRST);
	const char *reason = NULL;

	if (c.type == DMG_COMMENT || c.type == DMG_END || !c.count)
		return NULL;
	if (from > SECTORS_MAX || first > SECTORS_MAX || !range_within(from + first, c.count, SECTORS_MAX))
		return why(w, "a chunk of %llu sectors at %llu is beyond any disk", (unsigned long long)c.count,
		    (unsigned long long)first);
	c.first = from + first;
	switch (c.type) {
	case DMG_ZERO:
	case DMG_IGNORE:
		break;
	case DMG_RAW:
	case DMG_ZLIB:
	case DMG_BZIP2:
		if (__builtin_add_overflow(k->data, get_be64(mish + MISH_DATA), &data))
			return why(w, "a table's data lies beyond the file");
		reason = look_at_data(k, &c, data, get_be64(p + CHUNK_OFF), get_be64(p + CHUNK_LEN), w);
		break;
	default:
		if (method_name(c.type) && !d->any_method)
			return why(w, "compression with %s is not supported", method_name(c.type));
		if (!method_name(c.type))
			return why(w, "chunks of type 0x%08x are not known", c.type);
	}
	return reason ? reason : add(d, &c, w);
}

/* What is no table of chunks is passed over: lists have other things, too. */
static const char *
take_mish(struct dmg *d, const struct koly *k, const uint8_t *mish, size_t n, struct why *w)
{
	const char *reason = NULL;

	if (n < MISH_CHUNKS + CHUNK || memcmp(mish, "mish", 4))
		return NULL;
	for (size_t at = MISH_CHUNKS; n - at >= CHUNK && !reason; at += CHUNK)
		reason = take_chunk(d, k, mish, mish + at, w);
	return reason;
}

/* "Inside Macintosh", resource fork: the header says where the resources are, each behind its length. */
static const char *
take_fork(struct dmg *d, const struct koly *k, uint8_t *fork, size_t n, struct why *w)
{
	uint32_t at, left, len;
	const char *reason = NULL;

	if (n < 16)
		return why(w, "the resource fork is too short");
	at = get_be32(fork);
	left = get_be32(fork + 8);
	if (!left || !range_within(at, left, n))
		return why(w, "the resource fork's data lies beyond it");
	for (; left && !reason; at += len, left -= len) {
		if (left < 4)
			return why(w, "a resource is cut off");
		len = get_be32(fork + at);
		at += 4;
		left -= 4;
		if (!len || len > left)
			return why(w, "a resource of %u bytes where %u are left", len, left);
		reason = take_mish(d, k, fork + at, len, w);
	}
	return reason;
}

static int
sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Base64 (RFC 4648, blanks and padding passed over) in place; how many bytes it makes. */
static size_t
decode(uint8_t *text, size_t n)
{
	uint32_t bits = 0;
	unsigned held = 0;
	size_t made = 0;

	for (size_t at = 0; at < n; at++) {
		if (sextet(text[at]) < 0)
			continue;
		bits = bits << 6 | (uint32_t)sextet(text[at]);
		held += 6;
		if (held >= 8) {
			held -= 8;
			text[made++] = (uint8_t)(bits >> held);
		}
	}
	return made;
}

/* Every <data> is looked at: of those that a property list of an image has, only its tables begin with "mish". */
static const char *
take_xml(struct dmg *d, const struct koly *k, uint8_t *xml, size_t n, struct why *w)
{
	static const char open[] = "<data>", close[] = "</data>";
	uint8_t *end = xml + n, *from = xml, *to;
	const char *reason = NULL;

	while (!reason && (from = memmem(from, (size_t)(end - from), open, sizeof(open) - 1))) {
		from += sizeof(open) - 1;
		to = memmem(from, (size_t)(end - from), close, sizeof(close) - 1);
		if (!to)
			return why(w, "the property list is cut off");
		reason = take_mish(d, k, from, decode(from, (size_t)(to - from)), w);
		from = to;
	}
	return reason;
}

/* The list, by one of its two forms. */
static const char *
take_list(struct dmg *d, const struct koly *k, const uint8_t *range, struct why *w,
    const char *(*take)(struct dmg *d, const struct koly *k, uint8_t *list, size_t n, struct why *w))
{
	uint64_t off = get_be64(range), len = get_be64(range + 8);
	const char *reason;
	uint8_t *list;
	int err;

	if (!range_within(off, len, k->end))
		return why(w, "the list of chunks lies beyond the file");
	if (len > LIST_MAX)
		return why(w, "the list of chunks is too large: %llu bytes", (unsigned long long)len);
	list = malloc(len);
	err = list ? file_read(k->file, list, len, off) : -ENOMEM;
	reason = err ? why(w, "%s", strerror(-err)) : take(d, k, list, len, w);
	free(list);
	return reason;
}

/* The trailer is at the end, or was so before somebody filled the last sector up. */
static const char *
find_koly(struct koly *k, uint8_t koly[DMG_KOLY], struct why *w)
{
	uint8_t tail[2 * DMG_KOLY - 1], *found;
	size_t n = min_u64(k->file->size, sizeof(tail));
	int err = file_read(k->file, tail, n, k->file->size - n);

	if (err)
		return why(w, "%s", strerror(-err));
	found = n < DMG_KOLY ? NULL : memmem(tail, n - DMG_KOLY + 4, "koly", 4);
	if (!found)
		return why(w, "no trailer of a disk image at the end");
	memcpy(koly, found, DMG_KOLY);
	k->end = k->file->size - n + (uint64_t)(found - tail);
	k->data = get_be64(koly + KOLY_DATA);
	return NULL;
}

const char *
dmg_tables(struct dmg *d, struct file *f, struct why *w)
{
	struct koly k = {.file = f};
	uint8_t koly[DMG_KOLY];
	const char *reason = find_koly(&k, koly, w);

	if (reason)
		return reason;
	if (get_be64(koly + KOLY_SECTORS) > SECTORS_MAX)
		return why(w, "the disk is too large: %llu sectors", (unsigned long long)get_be64(koly + KOLY_SECTORS));
	d->image.size = get_be64(koly + KOLY_SECTORS) * 512;
	if (get_be64(koly + KOLY_FORK + 8))
		return take_list(d, &k, koly + KOLY_FORK, w, take_fork);
	if (get_be64(koly + KOLY_XML + 8))
		return take_list(d, &k, koly + KOLY_XML, w, take_xml);
	return why(w, "it has no list of chunks");
}

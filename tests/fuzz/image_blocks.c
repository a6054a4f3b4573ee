/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c */
/* pkg: libdeflate libzstd zlib nettle */
/*
 * VHD, VHDX, QED and qcow images of any content. The input patches an image that was made and written to, so that it gets past
 * the magic numbers; sums are made right again. Then it is opened, mapped, read, checked, written to and closed.
 */
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/image/vhdx.h"
#include "common/image/vpc.h"
#include "common/util.h"
#include "tests/memory.h"

#define DISK (3 << 20)
#define LIMIT (48 << 20)

/* What there is to start from, and the places in the file that patches are relative to. */
static struct shape {
	const struct format *format;
	const char *option, *value; /* of create */
	uint64_t number;
	bool cut; /* the writer was interrupted when the log was full */
	uint64_t places[8];
	struct memory made;
} shapes[] = {
    {&format_vpc, "subformat", "dynamic", 0, false, {0, 512, 1536, 2048}, {0}},
    {&format_vpc, "subformat", "fixed", 0, false, {0, 1 << 20, 3 << 20}, {0}},
    {&format_vhdx, "block_size", NULL, 1 << 20, false, {64 << 10, 128 << 10, 192 << 10, 1 << 20, 2 << 20, 3 << 20, (3 << 20) + (64 << 10)}, {0}},
    {&format_vhdx, "block_size", NULL, 1 << 20, true, {64 << 10, 128 << 10, 192 << 10, 1 << 20, (1 << 20) + 4096, 2 << 20, 3 << 20}, {0}},
    {&format_qed, "cluster_size", NULL, 4096, false, {0, 4096, 5 * 4096, 6 * 4096, 9 * 4096}, {0}},
    {&format_qcow, NULL, NULL, 0, false, {0, 48, 512, 4096, 8192}, {0}},
};

static struct image *
open_image(struct shape *s, struct memory *m, unsigned flags)
{
	struct image_open how = {.file = memory_open(m, !(flags & IMAGE_WRITE)), .flags = flags};
	struct why w;

	return image_open(s->format, &how, &w);
}

static void
write_some(struct image *i)
{
	static uint8_t bytes[8192];

	memset(bytes, 'x', sizeof(bytes));
	image_write(i, bytes, sizeof(bytes), 0);
	image_write(i, bytes, 700, (2 << 20) - 350);
	image_zero(i, 4096, 70000, ZERO_UNMAP);
	image_discard(i, 1 << 20, 1 << 20);
	if (i->format->write_packed)
		image_write_packed(i, "\x63\x60\x18\x05\xa3\x60\x14\x0c", 8, 8192);
}

/* The image after `changes` of its file (all, if 0) by writing. */
static void
make(struct shape *s, uint64_t changes)
{
	struct file *f;
	struct image_setting set = {.text = s->value, .number = s->number};
	struct image_create c = {.size = DISK, .settings = &set};
	struct image *i;
	struct why w;

	memory_free(&s->made);
	s->made = (struct memory){.limit = LIMIT};
	for (const struct image_option *o = s->format->options; s->option && o->name; o++)
		if (!strcmp(o->name, s->option))
			set.option = o;
	c.nsettings = s->option != NULL;
	c.file = f = memory_open(&s->made, false);
	if (s->format->create(&c, &w))
		abort();
	file_close(f);
	i = open_image(s, &s->made, IMAGE_WRITE);
	if (!i)
		abort();
	s->made.fails = changes;
	s->made.good = changes;
	write_some(i);
	image_close(i);
	s->made.fails = false;
}

static void
make_cut(struct shape *s)
{
	for (uint64_t changes = 1; changes < 100; changes++) {
		struct image *i;
		bool dirty;

		make(s, changes);
		i = open_image(s, &s->made, 0);
		dirty = i && i->dirty;
		image_close(i);
		if (dirty)
			return;
	}
	abort();
}

static void
mend_log_entry(uint8_t *log, uint64_t at)
{
	uint32_t len = get_le32(log + at + 8);

	if (!memcmp(log + at, "loge", 4) && len >= 64 && range_within(at, len, VHDX_MIB))
		put_le32(log + at + 4, vhdx_sum(log + at, len, 4));
}

static void
mend(struct shape *s, struct memory *m)
{
	if (s->format == &format_vpc) {
		put_be32(m->bytes + FOOTER_SUM, vpc_sum(m->bytes, FOOTER_LEN, FOOTER_SUM));
		put_be32(m->bytes + m->size - FOOTER_LEN + FOOTER_SUM, vpc_sum(m->bytes + m->size - FOOTER_LEN, FOOTER_LEN, FOOTER_SUM));
	}
	if (s->format != &format_vhdx)
		return;
	for (unsigned n = 0; n < 2; n++) {
		uint8_t *h = m->bytes + VHDX_HEADER_AT(n);

		put_le32(h + HEADER_SUM, vhdx_sum(h, VHDX_HEADER_LEN, HEADER_SUM));
	}
	put_le32(m->bytes + VHDX_REGIONS_AT(0) + REGIONS_SUM, vhdx_sum(m->bytes + VHDX_REGIONS_AT(0), VHDX_REGIONS_LEN, REGIONS_SUM));
	mend_log_entry(m->bytes + VHDX_MIB, 0);
	mend_log_entry(m->bytes + VHDX_MIB, 8192);
	mend_log_entry(m->bytes + VHDX_MIB, VHDX_MIB / 2);
}

/* Patches: a place, a distance from it, a length, and as many bytes. */
static void
patch(struct shape *s, struct memory *m, const uint8_t *data, size_t size)
{
	while (size > 4) {
		uint64_t at = s->places[data[0] % ARRAY_LEN(s->places)] + get_le16(data + 1);
		size_t n = min_u64(1 + data[3] % 32, size - 4);

		if (range_within(at, n, m->size))
			memcpy(m->bytes + at, data + 4, n);
		data += 4 + n;
		size -= 4 + n;
	}
}

/* Walks over all of the disk; extents must be within it, and advance. */
static void
look_around(struct image *i)
{
	static uint8_t buf[64 << 10];
	struct extent e;
	unsigned n = 0;

	for (uint64_t at = 0; at < i->size && n < 3000; at += e.len, n++) {
		if (image_map(i, at, i->size - at, &e))
			break;
		if (!e.len || e.len > i->size - at)
			abort();
		image_read(i, buf, min_u64(sizeof(buf), i->size - at), at);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory m; /* its buffer stays: a new one each time would cost most of the time */
	struct image_check c = {0};
	struct image *i;
	struct shape *s;
	struct why w;
	unsigned flags;

	if (size < 2)
		return 0;
	s = &shapes[data[0] % ARRAY_LEN(shapes)];
	flags = data[1] & (IMAGE_WRITE | IMAGE_INFO | IMAGE_CHECK);
	if (!s->made.size) {
		if (s->cut)
			make_cut(s);
		else
			make(s, 0);
	}
	memory_set(&m, s->made.bytes, s->made.size);
	m.limit = LIMIT;
	patch(s, &m, data + 2, size - 2);
	mend(s, &m);
	i = open_image(s, &m, flags);
	if (i) {
		look_around(i);
		if (s->format->check)
			s->format->check(i, flags & IMAGE_WRITE ? data[1] >> 4 & 3 : 0, &c, &w);
		if (flags & IMAGE_WRITE)
			write_some(i);
		image_close(i);
	}
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c tests/fields.c vm-img/formats.c */
/*
 * VMDK, VDI, Parallels, Bochs, cloop and UDIF, of any bytes: what opens can be described, mapped from end to end, read, checked,
 * written to and repaired; no more than that a function fails. The last byte says which format.
 */
#include <stdlib.h>

#include "common/bytes.h"
#include "common/util.h"
#include "tests/fuzz/describe.h"
#include "tests/memory.h"
#include "vm-img/formats.h"

#define MAPS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool held)
{
	if (!held)
		abort();
}

/* An extent: a file of the same bytes. */
static struct file *
named(void *user, const char *name, bool write, struct why *w)
{
	(void)w;
	must(!strchr(name, '/') && *name);
	return memory_open(user, !write);
}

static struct image *
open_memory(const struct format *format, struct memory *m, unsigned flags)
{
	struct image_open how = {.file = memory_open(m, !(flags & IMAGE_WRITE)), .flags = flags, .named = named, .user = m};
	struct why w = {""};
	struct image *i = image_open(format, &how, &w);

	must(i || w.text[0]);
	return i;
}

static void
look(struct image *i)
{
	static uint8_t buf[4096];
	struct image_check c = {.errors = 0};
	struct extent e;
	struct why w;
	uint64_t off = 0;

	if (i->format->describe)
		i->format->describe(i, &listener);
	listener_done();
	must(i->size <= IMAGE_SIZE_MAX);
	for (int n = 0; n < MAPS_MAX && off < i->size && !image_map(i, off, i->size - off, &e); n++) {
		must(e.len && e.len <= i->size - off);
		/* Larger units are for unit tests: here they would only take time. */
		if (e.kind != EXTENT_PACKED || e.unit_len <= 1 << 20)
			image_read(i, buf, min_u64(e.len, sizeof(buf)), off);
		off += e.len;
	}
	if (i->format->check)
		i->format->check(i, 0, &c, &w);
}

static void
change(struct image *i, const uint8_t *data, size_t size)
{
	static const uint8_t text[700] = "written";
	struct image_check c = {.errors = 0};
	struct why w;

	for (size_t n = 0; n + 2 <= size && n < 16; n += 2) {
		uint64_t off = i->size ? (data[n] << 12 | data[n + 1] << 4) % i->size : 0, len = min_u64(sizeof(text), i->size - off);

		if (n % 6 == 4)
			image_zero(i, off, len, ZERO_UNMAP);
		else
			image_write(i, text, len, off);
		if (n % 8 == 6)
			image_flush(i);
	}
	if (i->format->check)
		i->format->check(i, CHECK_FIX_LEAKS | CHECK_FIX_ERRORS, &c, &w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct format *const under[] = {&format_vmdk, &format_vdi, &format_parallels, &format_bochs, &format_cloop, &format_dmg};
	static struct memory m = {.limit = 4 << 20}; /* its buffer stays */
	const struct format *format;
	struct image *i;

	if (!size--)
		return 0;
	format = under[data[size] % ARRAY_LEN(under)];
	memory_set(&m, data, size);
	if (format->probe)
		format->probe(m.bytes, min_u64(size, 4096), NULL);
	i = open_memory(format, &m, 0);
	if (i)
		look(i);
	image_close(i);
	i = open_memory(format, &m, IMAGE_WRITE);
	if (i)
		change(i, data, size);
	image_close(i);
	return 0;
}

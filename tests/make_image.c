/* SPDX-License-Identifier: ISC */
#include <bzlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/bytes.h"
#include "tests/make_image.h"

#define SECTOR 512

static void
add(struct made *m, const void *p, size_t n)
{
	m->p = realloc(m->p, m->n + n + 1);
	if (!m->p)
		abort();
	if (p)
		memcpy(m->p + m->n, p, n);
	else
		memset(m->p + m->n, 0, n);
	m->n += n;
}

static void
add_be32(struct made *m, uint32_t v)
{
	uint8_t b[4];

	put_be32(b, v);
	add(m, b, 4);
}

static void
add_be64(struct made *m, uint64_t v)
{
	uint8_t b[8];

	put_be64(b, v);
	add(m, b, 8);
}

/* The piece of the disk there, zeroes behind its end. */
static const uint8_t *
piece(const uint8_t *disk, size_t n, size_t at, size_t len, uint8_t *room)
{
	memset(room, 0, len);
	memcpy(room, disk + at, min_u64(len, n - at));
	return room;
}

static void
make_bochs(struct made *m, unsigned version, const uint8_t *disk, size_t n)
{
	static uint8_t room[32 << 10];
	uint32_t extents = (uint32_t)((n + sizeof(room) - 1) / sizeof(room)), next = 0;

	add(m, NULL, SECTOR + extents * 4);
	memcpy(m->p, "Bochs Virtual HD Image", 22);
	memcpy(m->p + 32, "Redolog", 7);
	memcpy(m->p + 48, "Growing", 7);
	put_le32(m->p + 64, version << 16);
	put_le32(m->p + 68, SECTOR);
	put_le32(m->p + 72, extents);
	put_le32(m->p + 76, sizeof(room) / SECTOR / 8);
	put_le32(m->p + 80, sizeof(room));
	put_le64(m->p + (version == 1 ? 84 : 88), n);
	for (uint32_t k = 0; k < extents; k++) {
		const uint8_t *p = piece(disk, n, k * sizeof(room), sizeof(room), room);
		uint8_t bitmap[SECTOR] = {0};

		for (size_t s = 0; s < sizeof(room) / SECTOR; s++)
			bitmap[s / 8] |= (uint8_t)(!bytes_zero(p + s * SECTOR, SECTOR) << s % 8);
		put_le32(m->p + SECTOR + k * 4, bytes_zero(bitmap, SECTOR) ? UINT32_MAX : next);
		if (bytes_zero(bitmap, SECTOR))
			continue;
		add(m, bitmap, SECTOR);
		add(m, p, sizeof(room));
		next++;
	}
}

static void
add_zlib(struct made *m, const uint8_t *p, size_t n)
{
	uLongf len = compressBound(n);
	uint8_t *packed = malloc(len);

	if (!packed || compress2(packed, &len, p, n, 6) != Z_OK)
		abort();
	add(m, packed, len);
	free(packed);
}

static void
make_cloop(struct made *m, uint32_t block, const uint8_t *disk, size_t n)
{
	uint32_t blocks = (uint32_t)((n + block - 1) / block);
	uint8_t *room = malloc(block);

	add(m, NULL, 128);
	strcpy((char *)m->p, "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n");
	add_be32(m, block);
	add_be32(m, blocks);
	add(m, NULL, (blocks + 1) * 8);
	for (uint32_t k = 0; k < blocks; k++) {
		put_be64(m->p + 136 + k * 8, m->n);
		add_zlib(m, piece(disk, n, (size_t)k * block, block, room), block);
	}
	put_be64(m->p + 136 + blocks * 8, m->n);
	free(room);
}

/* Clusters of 16 KiB, the first one last in the file. */
static void
make_parallels(struct made *m, bool old, const uint8_t *disk, size_t n)
{
	static uint8_t room[16 << 10];
	uint32_t clusters = (uint32_t)((n + sizeof(room) - 1) / sizeof(room)), sectors = sizeof(room) / SECTOR;

	add(m, NULL, align_up(64 + clusters * 4, sizeof(room)));
	memcpy(m->p, old ? "WithoutFreeSpace" : "WithouFreSpacExt", 16);
	put_le32(m->p + 16, 2);
	put_le32(m->p + 20, 16);
	put_le32(m->p + 24, clusters);
	put_le32(m->p + 28, sectors);
	put_le32(m->p + 32, clusters);
	put_le64(m->p + 36, n / SECTOR);
	put_le32(m->p + 48, (uint32_t)(m->n / SECTOR));
	for (uint32_t k = clusters; k--;) {
		if (bytes_zero(piece(disk, n, k * sizeof(room), sizeof(room), room), sizeof(room)))
			continue;
		put_le32(m->p + 64 + k * 4, (uint32_t)(m->n / (old ? SECTOR : sizeof(room))));
		add(m, room, sizeof(room));
	}
}

static void
add_bzip2(struct made *m, const uint8_t *p, unsigned n)
{
	unsigned len = n + n / 50 + 700;
	char *packed = malloc(len);

	if (!packed || BZ2_bzBuffToBuffCompress(packed, &len, (char *)(uintptr_t)p, n, 9, 0, 0) != BZ_OK)
		abort();
	add(m, packed, len);
	free(packed);
}

/* The chunks of one table: of zeroes, plain every third time, else packed. */
static struct made
make_mish(struct made *m, bool bzip2, const uint8_t *disk, size_t n, size_t at, size_t end)
{
	struct made mish = {NULL, 0};
	static uint8_t room[64 << 10];
	unsigned chunks = 0;

	add(&mish, NULL, 204);
	memcpy(mish.p, "mish", 4);
	put_be32(mish.p + 4, 1);
	put_be64(mish.p + 8, at / SECTOR);
	put_be64(mish.p + 16, (end - at) / SECTOR);
	for (size_t from = at; from < end; from += sizeof(room)) {
		size_t len = min_u64(sizeof(room), end - from), before = m->n;
		bool zero = bytes_zero(piece(disk, n, from, len, room), len), plain = chunks++ % 3 == 1;

		if (!zero && plain)
			add(m, room, len);
		else if (!zero && bzip2)
			add_bzip2(m, room, (unsigned)len);
		else if (!zero)
			add_zlib(m, room, len);
		add_be32(&mish, zero ? (plain ? 2 : 0) : plain ? 1 : bzip2 ? 0x80000006 : 0x80000005);
		add_be32(&mish, 0);
		add_be64(&mish, (from - at) / SECTOR);
		add_be64(&mish, len / SECTOR);
		add_be64(&mish, before);
		add_be64(&mish, m->n - before);
	}
	put_be32(mish.p + 200, chunks + 1);
	add_be32(&mish, 0xffffffff);
	add_be32(&mish, 0);
	add_be64(&mish, (end - at) / SECTOR);
	add(&mish, NULL, 24);
	return mish;
}

static void
add_base64(struct made *m, const struct made *from)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t at = 0; at < from->n; at += 3) {
		size_t left = from->n - at;
		uint32_t v = (uint32_t)from->p[at] << 16 | (left > 1 ? (uint32_t)from->p[at + 1] << 8 : 0) |
		    (left > 2 ? from->p[at + 2] : 0);
		char four[5] = {letters[v >> 18], letters[v >> 12 & 63], left > 1 ? letters[v >> 6 & 63] : '=',
		    left > 2 ? letters[v & 63] : '=', '\n'};

		add(m, four, at % 45 == 42 ? 5 : 4);
	}
}

static void
add_text(struct made *m, const char *text)
{
	add(m, text, strlen(text));
}

static void
make_dmg(struct made *m, bool fork, bool bzip2, bool reversed, const uint8_t *disk, size_t n)
{
	size_t half = align_down(n / 2, SECTOR), list;
	struct made mish[2] = {make_mish(m, bzip2, disk, n, 0, half), make_mish(m, bzip2, disk, n, half, n)};
	uint8_t koly[SECTOR] = "koly";

	list = m->n;
	if (fork) {
		add_be32(m, 16);
		add_be32(m, 0);
		add_be32(m, (uint32_t)(mish[0].n + mish[1].n + 8));
		add_be32(m, 0);
	} else
		add_text(m, "<?xml version=\"1.0\"?>\n<plist version=\"1.0\"><dict><key>resource-fork</key><dict><key>blkx</key><array>");
	for (int i = 0; i < 2; i++) {
		const struct made *one = &mish[i ^ reversed];

		if (fork) {
			add_be32(m, (uint32_t)one->n);
			add(m, one->p, one->n);
		} else {
			add_text(m, "<dict><key>Attributes</key><string>0x0050</string><key>Data</key>\n<data>\n");
			add_base64(m, one);
			add_text(m, "\n</data></dict>\n");
		}
	}
	free(mish[0].p);
	free(mish[1].p);
	if (!fork)
		add_text(m, "</array><key>plst</key><array><dict><data>\nAAAA\n</data></dict></array></dict></dict></plist>\n");
	put_be32(koly + 4, 4);
	put_be32(koly + 8, SECTOR);
	put_be64(koly + 32, list);
	put_be64(koly + (fork ? 40 : 216), list);
	put_be64(koly + (fork ? 48 : 224), m->n - list);
	put_be64(koly + 492, n / SECTOR);
	add(m, koly, sizeof(koly));
}

struct made
make_image(const char *format, const char *variant, const uint8_t *disk, size_t n)
{
	struct made m = {NULL, 0};

	if (!strcmp(format, "bochs"))
		make_bochs(&m, variant ? (unsigned)atoi(variant) : 2, disk, n);
	else if (!strcmp(format, "cloop"))
		make_cloop(&m, variant ? (uint32_t)atoi(variant) : 16 << 10, disk, n);
	else if (!strcmp(format, "parallels"))
		make_parallels(&m, variant && !strcmp(variant, "old"), disk, n);
	else if (!strcmp(format, "dmg"))
		make_dmg(&m, variant && !strncmp(variant, "fork", 4), variant && strstr(variant, "bzip2"),
		    variant && strstr(variant, "reversed"), disk, n);
	else
		abort();
	return m;
}

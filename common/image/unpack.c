/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "common/bytes.h"
#include "common/image/unpack.h"

#define SECTOR 512

struct unpacker {
	uint8_t *room, *unit;
	size_t room_size, unit_size;
	const struct file *unit_file; /* whose bytes, from unit_off on, `unit` holds unpacked; NULL: none */
	uint64_t unit_off;
	uint32_t unit_len;
	struct libdeflate_decompressor *deflate;
	ZSTD_DCtx *zstd;
};

struct unpacker *
unpacker_new(void)
{
	return calloc(1, sizeof(struct unpacker));
}

void
unpacker_free(struct unpacker *u)
{
	if (!u)
		return;
	libdeflate_free_decompressor(u->deflate);
	ZSTD_freeDCtx(u->zstd);
	free(u->room);
	free(u->unit);
	free(u);
}

static uint8_t *
grow(uint8_t **buf, size_t *size, size_t n)
{
	if (n <= *size)
		return *buf;
	free(*buf);
	*buf = malloc(n);
	*size = *buf ? n : 0;
	return *buf;
}

uint8_t *
unpacker_room(struct unpacker *u, size_t n)
{
	return grow(&u->room, &u->room_size, n ? n : 1);
}

void
unpacker_forget(struct unpacker *u)
{
	if (u)
		u->unit_file = NULL;
}

/* zlib takes streams that libdeflate refuses: those without an end, which have all of the output nevertheless. */
static int
inflate_whole(const uint8_t *in, size_t n_in, void *out, size_t n_out, int window_bits)
{
	z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)in, .avail_in = (uInt)n_in, .next_out = out, .avail_out = (uInt)n_out};
	int err;

	if (n_in > UNIT_MAX || n_out > UNIT_MAX)
		return -EIO;
	if (inflateInit2(&z, window_bits) != Z_OK)
		return -ENOMEM;
	err = inflate(&z, Z_FINISH);
	inflateEnd(&z);
	if (err == Z_MEM_ERROR)
		return -ENOMEM;
	return (err == Z_STREAM_END || err == Z_BUF_ERROR) && !z.avail_out ? 0 : -EIO;
}

static struct libdeflate_decompressor *
deflate_decoder(struct unpacker *u)
{
	if (!u->deflate)
		u->deflate = libdeflate_alloc_decompressor();
	return u->deflate;
}

int
unpack_deflate(struct unpacker *u, const uint8_t *in, size_t n_in, void *out, size_t n_out)
{
	size_t used, made;

	if (!deflate_decoder(u))
		return -ENOMEM;
	if (libdeflate_deflate_decompress_ex(u->deflate, in, n_in, out, n_out, &used, &made) == LIBDEFLATE_SUCCESS && made == n_out)
		return 0;
	return inflate_whole(in, n_in, out, n_out, -MAX_WBITS);
}

int
unpack_zlib(struct unpacker *u, const uint8_t *in, size_t n_in, void *out, size_t n_out)
{
	size_t used, made;

	if (!deflate_decoder(u))
		return -ENOMEM;
	if (libdeflate_zlib_decompress_ex(u->deflate, in, n_in, out, n_out, &used, &made) == LIBDEFLATE_SUCCESS && made == n_out)
		return 0;
	return inflate_whole(in, n_in, out, n_out, MAX_WBITS);
}

int
unpack_zstd(struct unpacker *u, const uint8_t *in, size_t n_in, void *out, size_t n_out)
{
	ZSTD_inBuffer src = {in, n_in, 0};
	ZSTD_outBuffer dst = {out, n_out, 0};

	if (!u->zstd)
		u->zstd = ZSTD_createDCtx();
	if (!u->zstd)
		return -ENOMEM;
	ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_only);
	/* There may be several frames; each step consumes or makes something, or fails. */
	while (dst.pos < dst.size) {
		size_t in_before = src.pos, out_before = dst.pos;

		if (ZSTD_isError(ZSTD_decompressStream(u->zstd, &dst, &src)))
			return -EIO;
		if (src.pos == in_before && dst.pos == out_before)
			return -EIO;
	}
	return 0;
}

static int
unpack(struct unpacker *u, const struct extent *e, void *unit)
{
	if (e->unit_len > UNIT_MAX || e->packed_len > UNIT_MAX || !e->image->format->unpack)
		return -EIO;
	return e->image->format->unpack(e, unit, u);
}

int
unpacker_load(struct unpacker *u, const struct extent *e, uint64_t skip, void *buf, size_t len)
{
	uint64_t from = e->at + skip - e->unit_at;
	int err;

	if (!range_within(from, len, e->unit_len))
		return -EIO;
	if (!from && len == e->unit_len)
		return unpack(u, e, buf);
	if (u->unit_file != e->file || u->unit_off != e->off || u->unit_len != e->unit_len) {
		u->unit_file = NULL;
		if (!grow(&u->unit, &u->unit_size, e->unit_len))
			return -ENOMEM;
		err = unpack(u, e, u->unit);
		if (err)
			return err;
		u->unit_file = e->file;
		u->unit_off = e->off;
		u->unit_len = e->unit_len;
	}
	memcpy(buf, u->unit + from, len);
	return 0;
}

int
unpacker_decrypt(struct unpacker *u, const struct extent *e, uint64_t skip, void *buf, size_t len)
{
	/* What is asked for may begin and end within sectors; the disk's and the file's are the same. */
	uint64_t back = (e->off + skip) % SECTOR, n = align_up(back + len, SECTOR);
	uint8_t *sectors = n == len ? buf : unpacker_room(u, n);
	struct extent s = *e;
	int err;

	if (!sectors)
		return -ENOMEM;
	s.off += skip - back;
	s.at += skip - back;
	err = file_read(e->file, sectors, n, s.off);
	if (!err)
		err = e->image->format->decrypt(&s, sectors, n);
	if (!err && n != len)
		memcpy(buf, sectors + back, len);
	return err;
}

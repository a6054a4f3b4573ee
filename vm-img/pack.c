/* SPDX-License-Identifier: ISC */
#include <libdeflate.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "vm-img/pack.h"

/*
 * libdeflate's quickest makes less of a unit than zlib's level 6 with QEMU's window of 4 KiB does: by 0.2 (libraries) to 7
 * (programs) parts in a hundred. The next level takes half as long again for 3 more.
 */
#define DEFLATE_LEVEL 1
#define ZSTD_LEVEL ZSTD_CLEVEL_DEFAULT /* QEMU's, too */

struct packer {
	enum image_pack how;
	struct libdeflate_compressor *deflate;
	ZSTD_CCtx *zstd;
	z_stream z; /* with a small window */
	bool small;
};

struct packer *
packer_new(enum image_pack how, int window_bits)
{
	struct packer *p = calloc(1, sizeof(*p));
	bool made = false;

	if (!p)
		return NULL;
	p->how = how;
	p->small = window_bits && window_bits < MAX_WBITS && how != PACK_ZSTD;
	if (p->small)
		made = deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, how == PACK_ZLIB ? window_bits : -window_bits, 9,
			   Z_DEFAULT_STRATEGY) == Z_OK;
	else if (how == PACK_ZSTD)
		made = (p->zstd = ZSTD_createCCtx());
	else
		made = (p->deflate = libdeflate_alloc_compressor(DEFLATE_LEVEL));
	if (made)
		return p;
	p->small = false;
	packer_free(p);
	return NULL;
}

void
packer_free(struct packer *p)
{
	if (!p)
		return;
	if (p->small)
		deflateEnd(&p->z);
	libdeflate_free_compressor(p->deflate);
	ZSTD_freeCCtx(p->zstd);
	free(p);
}

static size_t
pack_small(struct packer *p, const void *in, size_t n, void *out, size_t room)
{
	deflateReset(&p->z);
	p->z.next_in = (z_const Bytef *)(uintptr_t)in;
	p->z.avail_in = (uInt)n;
	p->z.next_out = out;
	p->z.avail_out = (uInt)room;
	return deflate(&p->z, Z_FINISH) == Z_STREAM_END ? room - p->z.avail_out : 0;
}

size_t
packer_pack(struct packer *p, const void *in, size_t n, void *out, size_t room)
{
	size_t len;

	if (p->small)
		return pack_small(p, in, n, out, room);
	if (p->how == PACK_ZLIB)
		return libdeflate_zlib_compress(p->deflate, in, n, out, room);
	if (p->how != PACK_ZSTD)
		return libdeflate_deflate_compress(p->deflate, in, n, out, room);
	len = ZSTD_compressCCtx(p->zstd, out, room, in, n, ZSTD_LEVEL);
	return ZSTD_isError(len) ? 0 : len;
}

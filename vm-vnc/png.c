/* SPDX-License-Identifier: ISC */
/* Pictures as files; the contracts are in screenshot.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/bytes.h"
#include "common/fd.h"
#include "vm-vnc/screenshot.h"

/* ISO 15948, 5.3: length, type, data, CRC of the last two. */
static int
write_chunk(int fd, const char *type, const uint8_t *data, uint32_t len)
{
	uint8_t head[8], end[4];
	uLong crc = crc32(crc32(0, (const Bytef *)type, 4), data, len);

	put_be32(head, len);
	memcpy(head + 4, type, 4);
	put_be32(end, (uint32_t)crc);
	if (fd_write_all(fd, head, 8) != 8 || fd_write_all(fd, data, len) != (ssize_t)len || fd_write_all(fd, end, 4) != 4)
		return -1;
	return 0;
}

static void
to_rgb(const uint8_t *row, unsigned width, uint8_t *out)
{
	for (unsigned x = 0; x < width; x++) {
		uint32_t p = get_le32(row + 4 * (size_t)x);

		*out++ = (uint8_t)(p >> 16);
		*out++ = (uint8_t)(p >> 8);
		*out++ = (uint8_t)p;
	}
}

/* Filter "up" (9.2): screens are made of columns that go on. */
static void
filter_up(uint8_t *row, uint8_t *above, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		uint8_t v = row[i];

		row[i] = (uint8_t)(v - above[i]);
		above[i] = v;
	}
}

/* All rows, filtered and deflated, as IDAT chunks of what `out` holds. */
static int
write_rows(int fd, z_stream *z, const uint8_t *pixels, unsigned width, unsigned height, size_t stride)
{
	static uint8_t row[1 + 3 * FB_SIDE_MAX], above[3 * FB_SIDE_MAX], out[65536];
	int flush = Z_NO_FLUSH, err = 0;

	memset(above, 0, sizeof(above));
	for (unsigned y = 0; y < height && !err; y++) {
		row[0] = 2;
		to_rgb(pixels + y * stride, width, row + 1);
		filter_up(row + 1, above, 3 * (size_t)width);
		z->next_in = row;
		z->avail_in = 1 + 3 * width;
		flush = y + 1 == height ? Z_FINISH : Z_NO_FLUSH;
		do {
			z->next_out = out;
			z->avail_out = sizeof(out);
			deflate(z, flush);
			if (z->avail_out < sizeof(out))
				err = write_chunk(fd, "IDAT", out, (uint32_t)(sizeof(out) - z->avail_out));
		} while (!z->avail_out && !err);
	}
	return err;
}

int
png_write(int fd, const uint8_t *pixels, unsigned width, unsigned height, size_t stride)
{
	static const uint8_t magic[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	uint8_t header[13] = {[8] = 8, [9] = 2}; /* 8 bits a sample, of red, green and blue */
	z_stream z = {0};
	int err;

	put_be32(header, width);
	put_be32(header + 4, height);
	if (deflateInit(&z, Z_DEFAULT_COMPRESSION) != Z_OK) {
		errno = ENOMEM;
		return -1;
	}
	err = fd_write_all(fd, magic, sizeof(magic)) != sizeof(magic) || write_chunk(fd, "IHDR", header, sizeof(header)) ||
		write_rows(fd, &z, pixels, width, height, stride) || write_chunk(fd, "IEND", header, 0);
	deflateEnd(&z);
	return err ? -1 : 0;
}

int
ppm_write(int fd, const uint8_t *pixels, unsigned width, unsigned height, size_t stride)
{
	static uint8_t row[3 * FB_SIDE_MAX];
	ssize_t bytes = 3 * (ssize_t)width;

	if (dprintf(fd, "P6\n%u %u\n255\n", width, height) < 0)
		return -1;
	for (unsigned y = 0; y < height; y++) {
		to_rgb(pixels + y * stride, width, row);
		if (fd_write_all(fd, row, (size_t)bytes) != bytes)
			return -1;
	}
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* The viewer's picture; the contracts are in picture.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bytes.h"
#include "vm-vnc/picture.h"

void
picture_close(struct picture *p)
{
	if (p->mem)
		munmap((void *)(uintptr_t)p->mem, p->mode.size);
	free(p->copy);
	free(p->tiles);
	*p = (struct picture){0};
}

const char *
picture_open(struct picture *p, const struct fb_mode *mode, int fd)
{
	void *mem = MAP_FAILED;

	picture_close(p);
	if (!mode->width) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (fd >= 0) {
		mem = mmap(NULL, mode->size, PROT_READ, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (mem == MAP_FAILED)
		return "the picture cannot be mapped";
	p->mode = *mode;
	p->mem = mem;
	p->columns = (mode->width + TILE - 1) / TILE;
	p->rows = (mode->height + TILE - 1) / TILE;
	p->copy = calloc((size_t)mode->width * mode->height, sizeof(*p->copy));
	p->tiles = calloc(p->columns, p->rows);
	if (!p->copy || !p->tiles) {
		picture_close(p);
		return "no memory for the picture";
	}
	picture_mark(p, 0, 0, mode->width, mode->height, TILE_CHANGED);
	return NULL;
}

void
picture_mark(struct picture *p, unsigned x, unsigned y, unsigned w, unsigned h, enum tile how)
{
	unsigned right, bottom;

	if (!p->mem || x >= p->mode.width || y >= p->mode.height || !w || !h)
		return;
	right = (unsigned)min_u64((uint64_t)x + w, p->mode.width);
	bottom = (unsigned)min_u64((uint64_t)y + h, p->mode.height);
	for (unsigned r = y / TILE; r <= (bottom - 1) / TILE; r++)
		for (unsigned c = x / TILE; c <= (right - 1) / TILE; c++)
			if (p->tiles[r * p->columns + c] < how)
				p->tiles[r * p->columns + c] = how;
	p->doubted = true;
}

/* Copies what differs; whether anything did. */
static bool
copy_tile(struct picture *p, unsigned column, unsigned row)
{
	unsigned x = column * TILE, y = row * TILE;
	size_t bytes = min_u64(TILE, p->mode.width - x) * 4;
	unsigned end = (unsigned)min_u64(y + TILE, p->mode.height);
	bool differs = false;

	for (; y < end; y++) {
		const uint8_t *from = p->mem + p->mode.offset + (size_t)p->mode.stride * y + x * 4;
		uint32_t *to = p->copy + (size_t)p->mode.width * y + x;

		if (memcmp(from, to, bytes)) {
			memcpy(to, from, bytes);
			differs = true;
		}
	}
	return differs;
}

void
picture_compare(struct picture *p)
{
	if (!p->doubted)
		return;
	for (unsigned r = 0; r < p->rows; r++)
		for (unsigned c = 0; c < p->columns; c++) {
			uint8_t *t = &p->tiles[r * p->columns + c];

			if (*t == TILE_SAME)
				continue;
			if (copy_tile(p, c, r))
				*t = TILE_CHANGED;
			else if (*t == TILE_DOUBTED)
				*t = TILE_SAME;
		}
}

static bool
all_changed(const struct picture *p, unsigned column, unsigned row, unsigned n)
{
	for (unsigned c = column; c < column + n; c++)
		if (p->tiles[row * p->columns + c] != TILE_CHANGED)
			return false;
	return true;
}

/* The run of changed tiles that begins here, and the rows below that have it, too; then they are no more changed. */
static void
take_block(struct picture *p, unsigned column, unsigned row, unsigned area, struct fb_rect *r)
{
	unsigned n = 1, h = 1, most;

	while (column + n < p->columns && p->tiles[row * p->columns + column + n] == TILE_CHANGED)
		n++;
	most = area / (n * TILE * TILE);
	while (h < most && row + h < p->rows && all_changed(p, column, row + h, n))
		h++;
	for (unsigned i = 0; i < h; i++)
		memset(&p->tiles[(row + i) * p->columns + column], TILE_SAME, n);
	*r = (struct fb_rect){
		.x = (uint16_t)(column * TILE),
		.y = (uint16_t)(row * TILE),
		.width = (uint16_t)min_u64(n * TILE, p->mode.width - column * TILE),
		.height = (uint16_t)min_u64(h * TILE, p->mode.height - row * TILE),
	};
}

bool
picture_next(struct picture *p, unsigned area, struct fb_rect *r)
{
	size_t count = (size_t)p->columns * p->rows;
	const uint8_t *t = p->doubted && count ? memchr(p->tiles, TILE_CHANGED, count) : NULL;

	if (!t) {
		p->doubted = false;
		return false;
	}
	count = (size_t)(t - p->tiles);
	take_block(p, (unsigned)(count % p->columns), (unsigned)(count / p->columns), area, r);
	return true;
}

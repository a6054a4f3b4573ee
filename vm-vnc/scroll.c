/* SPDX-License-Identifier: ISC */
/*
 * Finding out that a picture was scrolled; the contract is in picture.h. Each row of pixels is hashed, as it is and as it
 * was, and so is each window of some rows, since single ones are often alike, those of blank lines or of strokes. Windows
 * whose like was once and only once there before vote for how far they have come.
 */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "vm-vnc/picture.h"

#define ROWS_MIN 32 /* that have changed: fewer are not worth the search */
#define WINDOW 16   /* rows: a line of text */
#define SLOTS 16384 /* of the table of old windows: twice FB_SIDE_MAX */

struct box {
	unsigned left, right, top, bottom; /* pixels */
};

struct search {
	uint64_t was[FB_SIDE_MAX], is[FB_SIDE_MAX]; /* hashes of the box's rows */
	uint64_t window_was[FB_SIDE_MAX], window_is[FB_SIDE_MAX]; /* and of the windows that begin there */
	int slot[SLOTS]; /* of a window that was, + 1; 0: free; negative: that is not the only one */
	uint16_t votes[2 * FB_SIDE_MAX];
};

/* The box around all doubted tiles; false where something is to be sent in any case, or little is doubted. */
static bool
find_box(const struct picture *p, struct box *b)
{
	unsigned left = p->columns, right = 0, top = p->rows, bottom = 0, count = 0;

	for (unsigned r = 0; r < p->rows; r++)
		for (unsigned c = 0; c < p->columns; c++) {
			uint8_t t = p->tiles[r * p->columns + c];

			if (t == TILE_CHANGED)
				return false;
			if (t == TILE_SAME)
				continue;
			count++;
			left = c < left ? c : left;
			right = c > right ? c : right;
			top = r < top ? r : top;
			bottom = r;
		}
	if (count * TILE < ROWS_MIN * 2 || (bottom - top + 1) * TILE <= ROWS_MIN)
		return false;
	*b = (struct box){
		.left = left * TILE,
		.right = (unsigned)min_u64((right + 1) * TILE, p->mode.width),
		.top = top * TILE,
		.bottom = (unsigned)min_u64((bottom + 1) * TILE, p->mode.height),
	};
	return true;
}

static uint64_t
hash_row(const uint8_t *row, size_t bytes)
{
	uint64_t h = 0x9e3779b97f4a7c15, word;

	for (; bytes >= 8; bytes -= 8, row += 8) {
		memcpy(&word, row, 8);
		h = (h ^ word) * 0xff51afd7ed558ccd;
		h ^= h >> 32;
	}
	if (bytes)
		h = (h ^ get_le32(row)) * 0xff51afd7ed558ccd;
	return h ^ h >> 29;
}

/* How many rows have changed. */
static unsigned
hash_rows(const struct picture *p, const struct box *b, struct search *s)
{
	size_t bytes = (b->right - b->left) * 4;
	unsigned changed = 0;

	for (unsigned y = b->top; y < b->bottom; y++) {
		s->was[y] = hash_row((const uint8_t *)(p->copy + (size_t)p->mode.width * y + b->left), bytes);
		s->is[y] = hash_row(p->mem + p->mode.offset + (size_t)p->mode.stride * y + b->left * 4, bytes);
		changed += s->was[y] != s->is[y];
	}
	return changed;
}

static void
hash_windows(const uint64_t *rows, uint64_t *windows, unsigned from, unsigned to)
{
	for (unsigned y = from; y < to; y++) {
		uint64_t h = 0;

		for (unsigned i = 0; i < WINDOW; i++)
			h = (h ^ rows[y + i]) * 0xc4ceb9fe1a85ec53;
		windows[y] = h ^ h >> 32;
	}
}

/* The slot of that hash, or the free one where it would be. */
static int *
find_slot(struct search *s, uint64_t hash)
{
	unsigned i = (unsigned)hash % SLOTS;

	while (s->slot[i] && s->window_was[abs(s->slot[i]) - 1] != hash)
		i = (i + 1) % SLOTS;
	return &s->slot[i];
}

/* How far down most windows have come that were there before; 0: no far. */
static int
vote(struct search *s, const struct box *b, unsigned changed)
{
	unsigned best = 0, end = b->bottom - WINDOW;
	int far = 0;

	hash_windows(s->was, s->window_was, b->top, end);
	hash_windows(s->is, s->window_is, b->top, end);
	for (unsigned y = b->top; y < end; y++) {
		int *slot = find_slot(s, s->window_was[y]);

		*slot = *slot ? -abs(*slot) : (int)y + 1;
	}
	for (unsigned y = b->top; y < end; y++) {
		int from = s->window_is[y] == s->window_was[y] ? 0 : *find_slot(s, s->window_is[y]);
		unsigned votes = from > 0 ? ++s->votes[(int)y - (from - 1) + FB_SIDE_MAX] : 0;

		if (votes > best) {
			best = votes;
			far = (int)y - (from - 1);
		}
	}
	return best >= WINDOW && best >= changed / 4 ? far : 0;
}

/* From the first to the last row that has come that far, which is what is moved in the copy. */
static void
move(struct picture *p, const struct search *s, const struct box *b, int far, struct fb_rect *r)
{
	unsigned first = far > 0 ? b->top + (unsigned)far : b->top, last = far > 0 ? b->bottom : b->bottom - (unsigned)-far;
	size_t width = b->right - b->left;

	while (first < last && s->is[first] != s->was[(int)first - far])
		first++;
	while (last > first && s->is[last - 1] != s->was[(int)last - 1 - far])
		last--;
	*r = (struct fb_rect){(uint16_t)b->left, (uint16_t)first, (uint16_t)width, (uint16_t)(last - first)};
	for (unsigned i = 0; i < last - first; i++) {
		unsigned y = far > 0 ? last - 1 - i : first + i;
		uint32_t *to = p->copy + (size_t)p->mode.width * y + b->left;

		memmove(to, to - (ptrdiff_t)p->mode.width * far, width * 4);
	}
	picture_mark(p, b->left, b->top, (unsigned)width, b->bottom - b->top, TILE_DOUBTED);
}

bool
picture_scrolled(struct picture *p, struct fb_rect *r, unsigned *from_y)
{
	struct search *s;
	struct box b;
	unsigned changed;
	int far = 0;

	if (!p->doubted || !find_box(p, &b))
		return false;
	s = calloc(1, sizeof(*s));
	if (!s)
		return false;
	changed = hash_rows(p, &b, s);
	if (changed >= ROWS_MIN)
		far = vote(s, &b, changed);
	if (far) {
		move(p, s, &b, far, r);
		*from_y = (unsigned)((int)r->y - far);
	}
	free(s);
	return far && r->height;
}

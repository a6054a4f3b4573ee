/* SPDX-License-Identifier: ISC */
/* Checking VHDX images: that each block is where one can be, and no two in one place. */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/report.h"
#include "common/image/vhdx.h"

#define USED_MAX ((uint64_t)64 << 20) /* bytes of a bit a MiB: 512 TiB of file */

struct census {
	struct vhdx *v;
	struct image_check *c;
	uint8_t *used; /* a bit a MiB of the file */
	uint64_t last;
};

/* All of a block's MiBs; false where one is another block's already. */
static bool
mark(struct census *s, uint64_t at, uint64_t len)
{
	bool ours = true;

	for (uint64_t k = at / VHDX_MIB; k < (at + len) / VHDX_MIB; k++) {
		ours = ours && !(s->used[k / 8] & 1 << k % 8);
		s->used[k / 8] |= (uint8_t)(1 << k % 8);
	}
	return ours;
}

static void
check_block(struct census *s, uint64_t n, uint64_t entry)
{
	uint64_t at = BAT_AT(entry), end;

	if (!vhdx_sound(s->v, n, entry)) {
		report(s->c, &s->c->errors, "ERROR: block %llu can not be as its entry says: %#llx", (unsigned long long)n,
		    (unsigned long long)entry);
		return;
	}
	if (BAT_STATE(entry) != BLOCK_PRESENT)
		return;
	end = min_u64(at + s->v->block, s->v->image.file->size);
	if (!mark(s, at, end - at))
		report(s->c, &s->c->errors, "ERROR: block %llu is where another one is, at %#llx", (unsigned long long)n,
		    (unsigned long long)at);
	s->c->allocated++;
	s->c->fragmented += s->last && s->last != at;
	s->last = at + s->v->block;
	s->c->end = end > s->c->end ? end : s->c->end;
}

/* Errors in the BAT are not repaired: which of two blocks is right nobody knows. A log was replayed by opening. */
const char *
vhdx_check(struct image *i, unsigned fix, struct image_check *c, struct why *w)
{
	struct vhdx *v = vhdx_of(i);
	struct census s = {.v = v, .c = c};
	uint64_t bytes = i->file->size / VHDX_MIB / 8 + 1, entry;
	int err = 0;

	(void)fix;
	c->stats = true;
	c->total = (i->size + v->block - 1) / v->block;
	c->errors_fixed += v->replayed;
	if (bytes > USED_MAX)
		return why(w, "the file is too large to be checked");
	s.used = calloc(1, bytes);
	if (!s.used)
		return why(w, "%s", strerror(ENOMEM));
	for (uint64_t n = 0; n < c->total && !err; n++) {
		err = vhdx_entry(v, n, &entry);
		if (!err)
			check_block(&s, n, entry);
		if (c->progress && n % 4096 == 0)
			c->progress(c->user, n, c->total);
	}
	free(s.used);
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

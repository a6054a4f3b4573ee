/* SPDX-License-Identifier: ISC */
/* Checking VDI: what the map says against itself and the header; and closing the gaps that a cut may have left. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/report.h"
#include "common/image/vdi.h"

/* Counts what is used; v->owner is filled as far as it makes sense. */
static int
scan(struct vdi *v, struct image_check *c, uint32_t *used)
{
	uint32_t entry;
	int err = 0;

	for (uint32_t block = 0; block < v->blocks && !err; block++) {
		err = vdi_entry(v, block, &entry);
		if (err || !vdi_used(entry))
			continue;
		if (entry >= v->blocks) {
			report(c, &c->errors, "ERROR: block index %u out of range, is %u", block, entry);
			continue;
		}
		++*used;
		if (v->owner[entry])
			report(c, &c->errors, "ERROR: block index %u also used by %u", v->owner[entry] - 1, block);
		else
			v->owner[entry] = block + 1;
	}
	return err;
}

/* The block moves; its old place is used no more only when nothing points to it. */
static int
move(struct vdi *v, uint32_t from, uint32_t to, uint8_t *buf)
{
	struct file *f = v->image.file;
	int err = file_read(f, buf, VDI_BLOCK, vdi_at(v, from));

	if (!err)
		err = file_write(f, buf, VDI_BLOCK, vdi_at(v, to));
	if (!err)
		err = vdi_point(v, v->owner[from] - 1, to);
	v->owner[to] = v->owner[from];
	v->owner[from] = 0;
	return err;
}

/* Fills the gaps with the last blocks, then says how many there are. */
static int
close_gaps(struct vdi *v, uint32_t used)
{
	uint8_t *buf = malloc(VDI_BLOCK);
	int err = buf ? 0 : -ENOMEM;

	for (uint32_t gap = 0, last = v->blocks; !err && gap < used; gap++) {
		if (v->owner[gap])
			continue;
		while (!v->owner[last - 1])
			last--;
		err = move(v, last - 1, gap, buf);
	}
	free(buf);
	if (!err)
		err = vdi_flush(&v->image);
	if (!err)
		err = vdi_set_allocated(v, used);
	v->free = 0;
	return err ? err : file_flush(v->image.file);
}

/* The header's count against what is used. QEMU takes it for the place of the next block, so it is not to be too low. */
static int
check_count(struct vdi *v, unsigned fix, struct image_check *c, uint32_t used)
{
	uint32_t last = v->blocks;
	bool low;

	while (last && !v->owner[last - 1])
		last--;
	low = v->allocated < last;
	if (!low && used == v->allocated)
		return 0;
	/* Too high: a cut between count and map. */
	report(c, low ? &c->errors : &c->leaks, "ERROR: allocated blocks mismatch, is %u, should be %u", v->allocated, used);
	if (!(fix & (low ? CHECK_FIX_ERRORS : CHECK_FIX_LEAKS)))
		return 0;
	c->leaks_fixed = c->leaks;
	c->errors_fixed = c->errors;
	return close_gaps(v, used);
}

const char *
vdi_check(struct image *i, unsigned fix, struct image_check *c, struct why *w)
{
	struct vdi *v = vdi_of(i);
	uint32_t used = 0;
	int err;

	free(v->owner);
	v->owner = calloc((size_t)v->blocks + 1, sizeof(*v->owner));
	err = v->owner ? scan(v, c, &used) : -ENOMEM;
	if (!err && !c->errors)
		err = check_count(v, fix, c, used);
	c->end = v->data + (uint64_t)v->allocated * VDI_BLOCK;
	return err ? why(w, "%s", strerror(-err)) : NULL;
}

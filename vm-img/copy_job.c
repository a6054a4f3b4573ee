/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/unpack.h"
#include "vm-img/copy_job.h"

#define GRAIN 4096  /* of looking for zeroes: what file systems allocate */
#define SECTOR 512
#define PAGE 4096

int
copy_tools_make(struct copy_tools *t, const struct copy *c)
{
	t->unpacker = unpacker_new();
	t->packer = c->pack ? packer_new(c->target->pack, c->window_bits) : NULL;
	t->packed = c->pack ? malloc(c->target->cluster_size) : NULL;
	return t->unpacker && (!c->pack || (t->packer && t->packed)) ? 0 : -ENOMEM;
}

void
copy_tools_free(struct copy_tools *t)
{
	unpacker_free(t->unpacker);
	packer_free(t->packer);
	free(t->packed);
}

/* Room for one more element; NULL: out of memory, and what is there stays. */
static void *
one_more(void *array, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 16;
	void *grown;

	if (n < *room)
		return array;
	grown = reallocarray(array, more, size);
	if (grown)
		*room = more;
	return grown;
}

int
job_add(struct job *j, const struct extent *e)
{
	struct extent *grown = one_more(j->extents, j->nextents, &j->extents_room, sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	j->extents = grown;
	j->extents[j->nextents++] = *e;
	return 0;
}

/* The next piece of the job; those of one kind that are not packed are one. */
static int
add_piece(struct job *j, enum piece_kind kind, uint64_t at, uint64_t len, size_t packed)
{
	struct piece *grown, *last = j->npieces ? &j->pieces[j->npieces - 1] : NULL;

	if (last && last->kind == kind && (kind == PIECE_ZERO || kind == PIECE_DATA)) {
		last->len += (uint32_t)len;
		return 0;
	}
	grown = one_more(j->pieces, j->npieces, &j->pieces_room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	j->pieces = grown;
	j->pieces[j->npieces++] = (struct piece){kind, (uint32_t)at, (uint32_t)len, (uint32_t)packed};
	return 0;
}

/* What of an extent cannot be read becomes zeroes: sectors of plain bytes, all of packed ones. `from` is where in the job. */
static void
salvage(struct job *j, const struct extent *e, uint64_t from, struct unpacker *u)
{
	size_t step = e->kind == EXTENT_DATA ? SECTOR : e->len;

	for (uint64_t at = 0, n; at < e->len; at += n) {
		n = min_u64(step, e->len - at);
		int err = extent_load(e, at, j->data + from + at, n, u);

		if (!err)
			continue;
		memset(j->data + from + at, 0, n);
		if (!j->lost) {
			j->err = err;
			j->err_off = j->off + from + at;
		}
		j->lost += n;
	}
}

/* The bytes of an extent, to where it is in the job. */
static int
load(struct job *j, const struct copy *c, const struct extent *e, uint64_t at, struct unpacker *u)
{
	int err = extent_load(e, 0, j->data + at, e->len, u);

	if (err && c->salvage) {
		salvage(j, e, at, u);
		return 0;
	}
	if (err)
		j->err_off = j->off + at;
	return err;
}

/* A unit is packed, or stays as it is where that saves nothing; what is packed lies where the unit began. */
static int
pack(struct job *j, const struct copy *c, struct copy_tools *t)
{
	uint32_t unit = c->target->cluster_size;
	int err = 0;

	for (uint64_t at = 0; at < j->len && !err; at += unit) {
		uint64_t n = min_u64(unit, j->len - at);
		size_t packed;

		if (c->sparse && bytes_zero(j->data + at, n)) {
			err = add_piece(j, PIECE_ZERO, at, n, 0);
			continue;
		}
		memset(j->data + at + n, 0, unit - n);
		packed = packer_pack(t->packer, j->data + at, unit, t->packed, unit - 1);
		if (packed)
			memcpy(j->data + at, t->packed, packed);
		err = add_piece(j, packed ? PIECE_PACKED : PIECE_DATA, at, n, packed);
	}
	return err;
}

/* From at on: how many bytes are zero, or are not, in whole grains. */
static uint64_t
run(const uint8_t *data, uint64_t at, uint64_t end, uint64_t grain, bool *zero)
{
	uint64_t from = at, n = min_u64(grain, end - at);

	*zero = bytes_zero(data + at, n);
	for (at += n; at < end; at += n) {
		n = min_u64(grain, end - at);
		if (bytes_zero(data + at, n) != *zero)
			break;
	}
	return at - from;
}

/*
 * Parts what is in [from, to) into data and zeroes, of which at least c->sparse bytes in a row count; at the end, where they may
 * go on, all of them.
 */
static int
part(struct job *j, const struct copy *c, uint64_t from, uint64_t to)
{
	uint64_t grain = c->sparse < GRAIN ? SECTOR : GRAIN;
	int err = 0;

	if (!c->sparse || c->pass == COPY_EMIT)
		return add_piece(j, PIECE_DATA, from, to - from, 0);
	for (uint64_t at = from, n; at < to && !err; at += n) {
		bool zero;

		n = run(j->data, at, to, grain, &zero);
		err = add_piece(j, zero && n >= min_u64(c->sparse, to - at) ? PIECE_ZERO : PIECE_DATA, at, n, 0);
	}
	return err;
}

/* The kernel is to copy what lies in a file as it is. */
static bool
left(const struct copy *c, const struct extent *e)
{
	return c->offload && e->kind == EXTENT_DATA;
}

/* Extent by extent. */
static int
load_and_part(struct job *j, const struct copy *c, struct unpacker *u)
{
	uint64_t at = 0, from = 0;
	int err = 0;

	for (size_t i = 0; i < j->nextents && !err; i++) {
		const struct extent *e = &j->extents[i];
		bool leave = left(c, e), last = i + 1 == j->nextents;

		if (!leave)
			err = load(j, c, e, at, u);
		at += e->len;
		if (!err && !leave && (last || left(c, e + 1)))
			err = part(j, c, from, at);
		if (!err && leave)
			err = add_piece(j, PIECE_COPY, at - e->len, e->len, 0);
		if (leave || last || left(c, e + 1))
			from = at;
	}
	return err;
}

static int
load_and_pack(struct job *j, const struct copy *c, struct copy_tools *t)
{
	uint64_t at = 0;

	for (size_t i = 0; i < j->nextents; at += j->extents[i++].len) {
		int err = load(j, c, &j->extents[i], at, t->unpacker);

		if (err)
			return err;
	}
	return pack(j, c, t);
}

void
job_load(struct job *j, const struct copy *c, size_t room, struct copy_tools *t)
{
	int err;

	/* Whole pages: the kernel copies them faster than what lies askew. */
	if (!j->data && c->pass != COPY_LAYOUT)
		j->data = aligned_alloc(PAGE, align_up(room, PAGE));
	if (c->pass == COPY_LAYOUT)
		err = add_piece(j, PIECE_DATA, 0, j->len, 0);
	else if (!j->data)
		err = -ENOMEM;
	else
		err = c->pack ? load_and_pack(j, c, t) : load_and_part(j, c, t->unpacker);
	if (err) {
		j->err = err;
		j->lost = 0;
	}
}

void
job_free(struct job *j)
{
	free(j->data);
	free(j->extents);
	free(j->pieces);
}

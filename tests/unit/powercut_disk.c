/* SPDX-License-Identifier: ISC */
/* links: tests/late_files.c tests/memory.c tests/past.c tests/powercut.c */
/* pkg: liburing libdeflate libzstd zlib nettle */
/*
 * A guest at work on an image: crowds of reads, writes, zeroes, discards and flushes, many in flight, that end in any order,
 * cut at every point. See tests/powercut.h. `powercut_disk SEED COUNT` runs others.
 */
#include <stdlib.h>

#include "common/diag.h"
#include "common/disk_image.h"
#include "common/image/formats.h"
#include "common/util.h"
#include "tests/late_files.h"
#include "tests/powercut.h"
#include "tests/unit/tap.h"

#define CROWD 12

static const struct {
	const struct format *format;
	const char *options;
	bool on_base;
} shapes[] = {
	{&format_qcow2, "", false},
	{&format_qcow2, "cluster_size=512,refcount_bits=64", true},
	{&format_qcow2, "cluster_size=4k", true},
	{&format_qcow2, "cluster_size=16k,extended_l2=on", true},
	{&format_qcow2, "cluster_size=4k,lazy_refcounts=on", false},
	{&format_qcow2, "cluster_size=4k,compat=v2", false},
	{&format_qcow2, "data_file=data", false},
	{&format_qcow2, "cluster_size=4k,encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=1", true},
	{&format_raw, "", false},
};

static struct cut cut;

static struct request {
	struct disk_req r; /* first */
	bool busy;
	struct iovec iov; /* changed on the way */
	uint8_t *buf;
	uint32_t step; /* its own; of a flush, the last one that it is for */
	uint32_t first, n;
} requests[CROWD];

/* The first step that is not done. */
static uint32_t
under_way(void)
{
	uint32_t first = cut.step + 1;

	for (size_t i = 0; i < CROWD; i++)
		if (requests[i].busy && requests[i].r.op != DISK_FLUSH && requests[i].step < first)
			first = requests[i].step;
	return first;
}

/* The values that the request's step gave are stable from now on. */
static void
stable_alone(const struct request *q)
{
	for (struct cut_sector *s = cut.sectors + q->first; s < cut.sectors + q->first + q->n; s++)
		for (size_t i = 0; i < s->n; i++)
			if (s->values[i].step == q->step)
				s->values[i].stable_at = cut.log.n;
}

static void
done(struct disk_req *r, int err)
{
	struct request *q = (struct request *)r;

	if (err)
		die("a request fails: %s", strerror(err));
	if (r->op == DISK_FLUSH)
		cut_stable(&cut, q->step);
	else if (r->op != DISK_READ && r->flags & DISK_FUA)
		stable_alone(q);
	free(q->buf);
	q->busy = false;
}

static enum disk_op
what(void)
{
	uint32_t n = cut_rand(&cut, 16);

	return n < 2 ? DISK_READ : n < 12 ? DISK_WRITE : n < 13 ? DISK_ZERO : n < 14 ? DISK_DISCARD : DISK_FLUSH;
}

static void
make(struct request *q)
{
	uint64_t len;

	cut_choose(&cut, &q->first, &q->n);
	len = (uint64_t)q->n * CUT_SECTOR;
	q->r = (struct disk_req){.op = q->r.op, .off = (uint64_t)q->first * CUT_SECTOR, .len = len, .iov = &q->iov, .niov = 1, .done = done};
	q->buf = calloc(1, len);
	q->iov = (struct iovec){q->buf, len};
	if (cut_rand(&cut, 6) == 0)
		q->r.flags = DISK_FUA;
	if (q->r.op == DISK_ZERO && cut_rand(&cut, 2))
		q->r.flags |= DISK_UNMAP;
	if (q->r.op != DISK_READ) {
		struct cut_value v = {.since = under_way(), .or_before = q->r.op == DISK_DISCARD};

		cut_step(&cut);
		v.fill = q->r.op == DISK_WRITE ? cut.step : 0;
		cut_become(&cut, q->first, q->n, v);
		for (uint32_t i = 0; i < q->n; i++)
			cut_fill(q->buf + (size_t)i * CUT_SECTOR, v.fill);
	}
	q->step = cut.step;
}

static void
submit(struct disk *d, struct request *q, enum disk_op op)
{
	q->r.op = op;
	if (op == DISK_FLUSH) {
		q->r = (struct disk_req){.op = op, .done = done};
		q->buf = NULL;
		q->step = under_way() - 1;
	} else {
		make(q);
	}
	q->busy = true;
	disk_submit(d, &q->r);
}

static struct image *
take(void *user, struct why *w)
{
	(void)user, (void)w;
	return cut.image;
}

static void
work(struct disk *d, unsigned requests_left)
{
	while (requests_left--) {
		struct request *q = &requests[cut_rand(&cut, CROWD)];

		if (q->busy)
			disk_drain(d);
		submit(d, q, what());
		if (cut_rand(&cut, 3) == 0)
			disk_commit(d);
	}
	disk_drain(d);
	submit(d, &requests[0], DISK_FLUSH);
	disk_drain(d);
}

static void
live(size_t shape, bool late, uint64_t seed)
{
	struct disk *d;
	struct why w;

	cut_begin(&cut, shapes[shape].format, shapes[shape].options, shapes[shape].on_base, seed);
	for (unsigned n = 0; n < 4; n++)
		cut_change(&cut);
	if (!cut.failed) {
		late_files(late, &cut.dice);
		d = disk_image_new(NULL, 0, 0, take, NULL);
		if (!d || disk_prepare(d, &w))
			die("no disk");
		work(d, 40);
		disk_close(d);
		cut.image = NULL;
	}
	ok(cut_replay(&cut, 2), "%s,%s%s%s: seed %llu: nothing flushed is lost", shapes[shape].format->name, shapes[shape].options,
	    shapes[shape].on_base ? " on a base" : "", late ? "" : ", at once", (unsigned long long)seed);
	if (cut.failed)
		printf("# cut at change %zu of %zu: %s\n", cut.cut_at, cut.log.n, cut.failed);
	printf("# %lu states of the file\n", cut.states);
	cut_end(&cut);
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	diag_init(argv[0], 1);
	for (uint64_t seed = first; seed < first + count; seed++)
		for (size_t shape = 0; shape < ARRAY_LEN(shapes); shape++) {
			live(shape, true, seed);
			live(shape, false, seed);
		}
	return tap_done();
}

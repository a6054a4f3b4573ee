/* SPDX-License-Identifier: ISC */
/* vm-img map: where the bytes of a disk are: in which image of its chain, and where in that's file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "vm-img/chain.h"
#include "vm-img/commands.h"
#include "vm-img/formats.h"
#include "vm-img/size.h"

/* A run of bytes that are alike; those of the file follow each other as well. */
struct run {
	uint64_t start, len;
	unsigned depth;
	bool present, zero, data;
	struct file *file; /* NULL: the bytes are nowhere as they are */
	uint64_t off;
};

struct map {
	struct image *top;
	bool json;
	bool told; /* a run was printed */
};

/* Whether what begins at `b` goes on with what `a` is. */
static bool
follows(const struct run *a, const struct run *b)
{
	return a->len && a->depth == b->depth && a->present == b->present && a->zero == b->zero && a->data == b->data &&
	    a->file == b->file && (!a->file || a->off + a->len == b->off);
}

/* False: what QEMU calls an error, because this form has no words for it. */
static bool
print(struct map *m, const struct run *r)
{
	if (m->json) {
		printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %u, \"present\": %s, \"zero\": %s, \"data\": %s",
		    m->told ? ",\n" : "[", r->start, r->len, r->depth, r->present ? "true" : "false", r->zero ? "true" : "false",
		    r->data ? "true" : "false");
		if (r->file)
			printf(", \"offset\": %" PRIu64, r->off);
		putchar('}');
		m->told = true;
	} else if (r->data && !r->file) {
		error("File contains external, encrypted or compressed clusters.");
		return false;
	} else if (r->data && !r->zero) {
		printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", r->start, r->len, r->off, r->file->name);
	}
	return true;
}

/*
 * Whether holes in the file are to be told of where the image has data: where that is a file's own bytes from one end to the
 * other, or was preallocated, as far as the file's length and its blocks tell. QEMU counts the clusters in use for that, which
 * comes to the same, and does so for qcow2 alone.
 */
static bool
may_have_holes(const struct image *i)
{
	uint64_t unit = i->cluster_size, blocks;
	struct stat st;

	if (!unit || i->format != &format_qcow2 || fstat(i->file->fd, &st) < 0)
		return !unit;
	blocks = (uint64_t)st.st_blocks * 512 / unit;
	return (i->file->size + unit - 1) / unit >= (blocks * 10 / 9 > blocks + 2 ? blocks * 10 / 9 : blocks + 2);
}

/* A hole of a format that knows no backing images is zeroes like others, as QEMU has it. */
static bool
knows_backing(const struct format *f)
{
	for (const struct image_option *o = f->options; o && o->name; o++)
		if (!strcmp(o->name, "backing_file"))
			return true;
	return !f->options;
}

/* What is at off, for at most len bytes. */
static int
look(const struct map *m, uint64_t off, uint64_t len, struct run *r)
{
	struct extent e;
	bool hole = false, past;
	int err;

	*r = (struct run){.start = off};
	err = image_map_chain(m->top, off, len, &e, &r->depth);
	if (err)
		return err;
	/* Past the end of a backing image that is shorter: the image on it has nothing there. */
	past = r->depth && off >= e.image->size;
	if (past)
		r->depth--;
	if (e.kind == EXTENT_DATA || (e.kind == EXTENT_ZERO && e.file)) {
		r->file = e.file;
		r->off = e.off;
	}
	if (e.kind == EXTENT_DATA && may_have_holes(e.image))
		err = file_extent(e.file, e.off, &e.len, &hole);
	r->len = e.len;
	r->present = !past && (e.kind != EXTENT_HOLE || !knows_backing(e.image->format));
	r->data = e.kind == EXTENT_DATA || e.kind == EXTENT_PACKED;
	r->zero = !r->data || hole;
	return err;
}

static bool
walk(struct map *m, uint64_t off, uint64_t end)
{
	struct run all = {.start = off}, next;
	int err;

	if (!m->json)
		printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
	for (; off < end; off += next.len) {
		err = look(m, off, end - off, &next);
		if (err) {
			error("%s: what is at byte %" PRIu64 ": %s", m->top->file->name, off,
			    m->top->fault.text[0] ? m->top->fault.text : strerror(-err));
			return false;
		}
		if (follows(&all, &next)) {
			all.len += next.len;
			continue;
		}
		if (all.len && !print(m, &all))
			return false;
		all = next;
	}
	if ((all.len || m->json) && !print(m, &all))
		return false;
	if (m->json)
		puts("]");
	return true;
}

int
cmd_map(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"start-offset", required_argument, NULL, 's'}, {"max-length", required_argument, NULL, 'l'},
	    LONG_FOLLOW, LONG_IMAGE_OPTS, LONG_OBJECT, LONG_OUTPUT, LONG_SHARE, LONG_END,
	};
	uint64_t start = 0, len = UINT64_MAX;
	struct opening how;
	struct options o;
	struct map m;
	bool ok;
	int c;

	options_init(&o, argv[0]);
	while ((c = options_next(&o, argc, argv, ":f:s:l:U", longs, "")) != -1) {
		if (c == 's')
			start = image_size_word("-s", optarg, 0, INT64_MAX);
		else
			len = image_size_word("-l", optarg, 0, INT64_MAX);
	}
	opening_init(&how, &o, options_operand(argc, argv, "image"), o.format, IMAGE_ONCE);
	m = (struct map){.top = chain_open_sealed(&how), .json = o.json};
	if (!m.top)
		return 1;
	ok = walk(&m, start, start < m.top->size ? start + min_u64(len, m.top->size - start) : start);
	image_close(m.top);
	return ok ? 0 : 1;
}

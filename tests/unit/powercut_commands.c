/* SPDX-License-Identifier: ISC */
/* links: tests/memory.c tests/past.c tests/recorded.c vm-img/amend.c vm-img/bitmap.c vm-img/chain.c vm-img/check.c vm-img/commit.c vm-img/compact.c */
/* links: vm-img/convert.c vm-img/convert_parse.c vm-img/convert_stream.c vm-img/convert_target.c vm-img/copy.c vm-img/copy_job.c vm-img/copy_plan.c */
/* links: vm-img/copy_pool.c vm-img/copy_write.c vm-img/create.c vm-img/formats.c vm-img/keep.c vm-img/opening.c vm-img/options.c vm-img/output.c */
/* links: vm-img/output_place.c vm-img/pack.c vm-img/path.c vm-img/rebase.c vm-img/resize.c vm-img/secret.c vm-img/settings.c */
/* links: vm-img/size.c vm-img/snapshot.c vm-img/snapshot_list.c vm-img/source.c vm-img/spool.c vm-img/stream.c vm-img/text.c vm-img/words.c */
/* links: vm-img/json.c */
/* pkg: libdeflate libzstd zlib nettle */
/*
 * Commands that change images, cut at every point of their writing: tests/past.h says how. Each runs as it is, on files that
 * are recorded (tests/recorded.h). `powercut_commands SEED COUNT [NAME]` runs others.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/image/qcow2_bitmap.h"
#include "common/util.h"
#include "tests/past.h"
#include "tests/recorded.h"
#include "tests/unit/powercut_scenarios.h"
#include "tests/unit/tap.h"
#include "vm-img/commands.h"
#include "vm-img/formats.h"
#include "vm-img/seals.h"

#define WORDS 24

/* Here the commands are run by one process, which has yet to open other files: in place of vm-img/seals.c. */
void
seals_open(enum seals what)
{
	(void)what;
}

void
seals_work(void)
{
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"amend", cmd_amend}, {"bitmap", cmd_bitmap}, {"check", cmd_check}, {"commit", cmd_commit}, {"compact", cmd_compact},
	{"convert", cmd_convert}, {"create", cmd_create}, {"rebase", cmd_rebase}, {"resize", cmd_resize}, {"snapshot", cmd_snapshot},
};

struct disk {
	uint8_t *bytes;
	uint64_t size;
};

static uint64_t dice;
static struct disk kept;
static unsigned long states;

void
command_help(const char *name)
{
	die("%s: what is it told?", name);
}

static struct file *
named(void *user, const char *name, bool write, struct why *w)
{
	(void)user, (void)w;
	return memory_open(&recorded_file(name)->memory, !write);
}

/* An image with all it lies on, as the files are now. */
static struct image *
open_as(const char *name, const char *format, unsigned flags, struct why *w)
{
	struct image_open how = {.file = named(NULL, name, flags & IMAGE_WRITE, w), .flags = flags, .named = named,
	    .secret = (const uint8_t *)"abc", .secret_len = 3};
	struct image *i = image_open(format ? format_find(format) : format_probe(how.file, w), &how, w);

	if (i && i->backing_name) {
		i->backing = open_as(i->backing_name, i->backing_format, flags & ~(unsigned)IMAGE_WRITE, w);
		if (!i->backing) {
			image_close(i);
			return NULL;
		}
	}
	return i;
}

static struct image *
must_open(const char *name, unsigned flags)
{
	struct why w;
	struct image *i = open_as(name, NULL, flags, &w);

	if (!i)
		die("%s: %s", name, w.text);
	return i;
}

static struct disk
disk_of(const char *name)
{
	struct image *i = must_open(name, 0);
	struct disk d = {malloc(i->size), i->size};

	if (image_read(i, d.bytes, d.size, 0))
		die("%s: it cannot be read", name);
	image_close(i);
	return d;
}

/* Writes that differ in every sector, zeroes and discards. */
static void
fill(const char *name)
{
	static uint32_t stamp;
	static uint8_t buf[64 << 10];
	struct image *i = must_open(name, IMAGE_WRITE);
	uint32_t sectors = (uint32_t)(i->size / PAST_SECTOR);

	for (unsigned n = 0; n < 12; n++) {
		uint32_t first = past_rand(&dice, sectors), most = past_rand(&dice, 3) ? 16 : 128;
		uint32_t count = (uint32_t)min_u64(1 + past_rand(&dice, most), sectors - first), what = past_rand(&dice, 6);
		uint64_t off = (uint64_t)first * PAST_SECTOR, len = (uint64_t)count * PAST_SECTOR;
		int err;

		for (uint64_t at = 0; at < len; at += 4)
			put_le32(buf + at, at % PAST_SECTOR ? stamp : ++stamp);
		err = what < 4 ? image_write(i, buf, len, off) : what == 4 ? image_zero(i, off, len, ZERO_UNMAP) : image_discard(i, off, len);
		if (err)
			die("%s: it cannot be filled: %s", name, strerror(-err));
	}
	if (image_close(i))
		die("%s: it cannot be closed", name);
}

/* Refcounts, of 16 bits and in the first block, that are wrong: of clusters that nobody uses; with `used`, of others too. */
static void
spoil(const char *name, bool used)
{
	struct memory *m = &recorded_file(name)->memory;
	uint32_t bits = get_be32(m->bytes + 20), clusters = (uint32_t)(m->size >> bits);
	uint8_t *block = m->bytes + get_be64(m->bytes + get_be64(m->bytes + 48));

	for (unsigned n = 0; n < 12; n++) {
		uint32_t cluster = past_rand(&dice, (uint32_t)min_u64(clusters + 8, (1U << bits) / 2));

		if (used || !get_be16(block + 2 * cluster))
			put_be16(block + 2 * cluster, (uint16_t)past_rand(&dice, 3));
	}
}

static unsigned
split(char *line, char **words)
{
	unsigned n = 0;

	for (char *word; (word = strsep(&line, " ")) && n < WORDS - 1;)
		words[n++] = strcmp(word, "''") ? word : word + 2;
	words[n] = NULL;
	return n;
}

static int
run_command(int argc, char **argv)
{
	size_t i = 0;

	while (i < ARRAY_LEN(commands) && strcmp(commands[i].name, argv[0]))
		i++;
	if (i == ARRAY_LEN(commands))
		die("%s: no such command", argv[0]);
	optind = 0; /* GNU: all begins anew */
	return commands[i].run(argc, argv);
}

static int
run(const char *text)
{
	char *line = strdup(text), *words[WORDS];
	unsigned n = split(line, words);
	int status = 0;

	if (!n)
		die("a step of no words");
	if (!strcmp(words[0], "fill"))
		fill(words[1]);
	else if (!strcmp(words[0], "spoil") || !strcmp(words[0], "leak"))
		spoil(words[1], *words[0] == 's');
	else if (!strcmp(words[0], "soil")) /* qcow2.txt, incompatible_features: bit 0, dirty */
		recorded_file(words[1])->memory.bytes[79] |= 1;
	else if (!strcmp(words[0], "keep"))
		kept = disk_of(words[1]);
	else
		status = run_command((int)n, words);
	free(line);
	return status;
}

/* A promise, and the disks that it is about. */
struct view {
	const struct promise *promise;
	struct disk old, new, way;
};

/* Past their ends disks hold zeroes. */
static bool
holds(const struct disk *d, const uint8_t *bytes, uint64_t off, uint64_t len)
{
	uint64_t there = off < d->size ? min_u64(len, d->size - off) : 0;

	return !memcmp(d->bytes + off, bytes, there) && bytes_zero(bytes + there, len - there);
}

/* Whether the image has a bitmap that is said to tell of all that was written. */
static bool
tells(struct image *i)
{
	struct bitmaps b = {0};
	struct why w;
	bool does = false;

	if (i->format != &format_qcow2 || !bitmaps_present(qcow2_of(i)))
		return false;
	if (!bitmaps_load(&b, qcow2_of(i), &w))
		for (size_t k = 0; k < b.n; k++)
			does |= (b.list[k].flags & (BITMAP_AUTO | BITMAP_IN_USE)) == BITMAP_AUTO;
	bitmaps_free(&b);
	return does;
}

static bool
may_hold(const struct view *v, const uint8_t *bytes, uint64_t off, uint64_t len)
{
	return holds(&v->old, bytes, off, len) || holds(&v->new, bytes, off, len) || (v->way.bytes && holds(&v->way, bytes, off, len)) ||
	    (v->promise->how == BLANK && bytes_zero(bytes, len));
}

static struct image *
view_open(void *user, unsigned flags, struct why *w)
{
	const struct view *v = user;

	return open_as(v->promise->image, NULL, flags, w);
}

static const char *
view_content(void *user, struct image *i, struct why *w)
{
	const struct view *v = user;
	uint8_t *disk = malloc(i->size);
	int err = image_read(i, disk, i->size, 0);
	const char *no = NULL;

	if (err)
		no = why(w, "reading: %s (%.100s)", strerror(-err), i->fault.text);
	else if (i->size != v->old.size && i->size != v->new.size)
		no = why(w, "its size is %llu", (unsigned long long)i->size);
	else if (v->promise->how == WHOLE && !(i->size == v->old.size && holds(&v->old, disk, 0, i->size)) &&
	    !(i->size == v->new.size && holds(&v->new, disk, 0, i->size)))
		no = why(w, "neither the old disk nor the new");
	else if (tells(i) && !holds(&v->old, disk, 0, i->size))
		no = why(w, "its bitmaps know nothing of what was written");
	for (uint64_t at = 0; at < i->size && !no; at += PAST_SECTOR)
		if (!may_hold(v, disk + at, at, PAST_SECTOR))
			no = why(w, "sector %llu is neither old nor new", (unsigned long long)(at / PAST_SECTOR));
	free(disk);
	return no;
}

static const char *
look(struct view *views, unsigned n, bool broken, struct why *w)
{
	for (unsigned k = 0; k < n; k++) {
		const struct past_look l = {.open = view_open, .content = view_content, .user = &views[k], .broken = broken};
		struct why no;

		if (past_look(&l, &no))
			return why(w, "%s: %.220s", views[k].promise->image, no.text);
	}
	return NULL;
}

/* The states that the record may have left; of `every` changes one is looked at. */
static const char *
replay(struct past *p, struct view *views, unsigned n, bool broken, size_t every, struct why *w)
{
	size_t cut = 0;

	for (size_t i = 0; i < p->log->n; i++) {
		bool changed = past_step(p, i);

		for (unsigned part = 0; changed && cut % every == 0 && part < 3; part++, states++) {
			past_make(p, i + 1, part ? 20 + past_rand(&dice, 70) : 100, part, &dice);
			if (look(views, n, broken, w))
				return w->text;
		}
		cut += changed;
	}
	return NULL;
}

/* What is there for sure when the command has ended is the new disks. */
static const char *
ends(struct past *p, const struct view *views, unsigned n, struct why *w)
{
	past_make(p, p->log->n, 0, false, &dice);
	for (unsigned k = 0; k < n; k++) {
		struct promise firm = {.image = views[k].promise->image};
		struct view v = {.promise = &firm, .old = views[k].new, .new = views[k].new};
		struct why no;

		if (look(&v, 1, false, &no))
			return why(w, "at the end: %.230s", no.text);
	}
	return NULL;
}

/* The disks as they are before the command. */
static unsigned
view_begin(const struct scenario *s, struct view *views, struct disk *want)
{
	unsigned n = 0;

	for (const struct promise *m = s->promises; m->image; m++, n++) {
		const char *becomes = m->becomes ? m->becomes : m->image;

		views[n] = (struct view){.promise = m, .old = disk_of(m->image)};
		if (m->way)
			views[n].way = disk_of(m->way);
		if (!strcmp(becomes, "kept"))
			want[n] = (struct disk){memcpy(malloc(kept.size), kept.bytes, kept.size), kept.size};
		else
			want[n] = disk_of(strcmp(becomes, "any") ? becomes : m->image);
	}
	return n;
}

/* The disks as the command left them; NULL, or what is not as promised. */
static const char *
view_done(struct view *views, unsigned n, const struct disk *want, struct why *w)
{
	const char *no = NULL;

	for (unsigned k = 0; k < n; k++) {
		const char *becomes = views[k].promise->becomes;
		struct disk *new = &views[k].new;

		*new = disk_of(views[k].promise->image);
		if (!no && !(becomes && !strcmp(becomes, "any")) && !holds(&want[k], new->bytes, 0, new->size))
			no = why(w, "%s does not hold what it should", views[k].promise->image);
	}
	return no;
}

static const char *
cut(const struct scenario *s, const char *command, size_t most, struct why *w)
{
	struct memory_log log = {0};
	struct past p = {.log = &log};
	struct view views[ARRAY_LEN(s->promises)];
	struct disk want[ARRAY_LEN(s->promises)];
	unsigned n = view_begin(s, views, want);
	const char *no = NULL;

	for (struct recorded *r = recorded_files; *r->name; r++)
		past_add(&p, &r->memory, r->memory.bytes, r->memory.size);
	recorded_log(&log);
	if (run(command))
		no = why(w, "it fails");
	recorded_log(NULL);
	if (!no)
		no = view_done(views, n, want, w);
	if (!no)
		no = replay(&p, views, n, s->broken, most ? 1 + log.n / most : 1, w);
	if (!no)
		no = ends(&p, views, n, w);
	for (unsigned k = 0; k < n; k++) {
		free(views[k].old.bytes);
		free(views[k].new.bytes);
		free(views[k].way.bytes);
		free(want[k].bytes);
	}
	past_end(&p);
	memory_log_free(&log);
	return no;
}

static void
forget(void)
{
	for (struct recorded *r = recorded_files; *r->name; r++)
		unlink(r->name);
	recorded_forget();
	free(kept.bytes);
	kept = (struct disk){0};
}

static void
scenario(const struct scenario *s, uint64_t seed, size_t most)
{
	const char *const *line = s->lines, *no;
	struct why w;

	dice = seed;
	states = 0;
	for (; line[1]; line++)
		if (run(*line))
			die("%s: %s: it fails", s->name, *line);
	no = cut(s, *line, most, &w);
	ok(!no, "%s: seed %llu: a cut leaves the old or the new, and leaks at worst", s->name, (unsigned long long)seed);
	if (no)
		printf("# %s\n", no);
	printf("# %lu states of the files\n", states);
	forget();
}

static char directory[] = "/tmp/powercut.XXXXXX";

static void
leave(void)
{
	forget();
	if (chdir("/") || rmdir(directory))
		perror(directory);
}

int
main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, count = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	diag_init(argv[0], 1);
	if (!mkdtemp(directory) || chdir(directory))
		die_sys("%s", directory);
	atexit(leave);
	setlinebuf(stdout); /* commands tell on stderr */
	for (uint64_t seed = first; seed < first + count; seed++)
		for (size_t i = 0; i < ARRAY_LEN(scenarios); i++)
			if (argc < 4 || !strcmp(argv[3], scenarios[i].name))
				scenario(&scenarios[i], seed, argc > 1 ? 0 : 40);
	return tap_done();
}

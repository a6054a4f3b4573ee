/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/num.h"
#include "common/util.h"
#include "tests/powercut.h"

#define LIMIT (64 << 20)

uint32_t
cut_rand(struct cut *c, uint32_t n)
{
	c->dice = c->dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((c->dice >> 33) % n);
}

static void fail(struct cut *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
fail(struct cut *c, const char *fmt, ...)
{
	va_list ap;

	if (c->failed)
		return;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	c->failed = c->text;
}

static struct file *
data_file(void *user, const char *name, bool write, struct why *w)
{
	struct cut *c = user;

	(void)name;
	(void)w;
	return memory_open(&c->data, !write);
}

static struct file *
new_data_file(void *user, const char *name, struct why *w)
{
	return data_file(user, name, true, w);
}

/* Opens a copy of the image, or the image itself. */
static struct image *
open_image(struct cut *c, struct memory *m, unsigned flags, struct why *w)
{
	struct image_open how = {.file = memory_open(m, false), .flags = flags, .named = data_file, .user = c};

	return image_open(c->format, &how, w);
}

static bool
setting(const struct format *format, char *word, struct image_setting *s)
{
	char *value = strchr(word, '=');

	*value++ = '\0';
	for (const struct image_option *o = format->options; o->name; o++)
		if (!strcmp(o->name, word)) {
			*s = (struct image_setting){.option = o, .text = value, .number = !strcmp(value, "on")};
			if (o->type == OPTION_SIZE || o->type == OPTION_NUMBER)
				size_parse(value, 1, 0, UINT64_MAX, &s->number);
			return true;
		}
	return false;
}

static const char *
create(struct cut *c, struct why *w)
{
	struct image_setting settings[16];
	struct image_create how = {.file = memory_open(&c->disk, false), .size = CUT_SIZE, .settings = settings,
	    .beside = new_data_file, .user = c};
	char *options = strdup(c->options), *rest = options;
	const char *reason = NULL;

	for (char *word; !reason && (word = strsep(&rest, ",")) && *word; how.nsettings++)
		if (!setting(c->format, word, &settings[how.nsettings]))
			reason = why(w, "no option %s", word);
	if (!reason)
		reason = c->format->create(&how, w);
	file_close(how.file);
	free(options);
	return reason;
}

static void
add_value(struct cut *c, uint32_t sector, uint32_t fill, bool or_before)
{
	struct cut_sector *s = &c->sectors[sector];

	s->values = realloc(s->values, (s->n + 1) * sizeof(*s->values));
	s->values[s->n++] = (struct cut_value){.step = c->step, .fill = fill, .or_before = or_before};
}

void
cut_begin(struct cut *c, const struct format *format, const char *options, uint64_t seed)
{
	struct why w;

	*c = (struct cut){.format = format, .options = options, .dice = seed};
	c->disk.limit = c->data.limit = LIMIT;
	for (uint32_t i = 0; i < CUT_SECTORS; i++)
		add_value(c, i, 0, false);
	memory_set(&c->disk, NULL, 0);
	memory_set(&c->data, NULL, 0);
	if (create(c, &w)) {
		fail(c, "create: %s", w.text);
		return;
	}
	/* What was created is there: only its life is cut. */
	memory_set(&c->created[0], c->disk.bytes, c->disk.size);
	memory_set(&c->created[1], c->data.bytes, c->data.size);
	c->disk.log = c->data.log = &c->log;
	c->image = open_image(c, &c->disk, IMAGE_WRITE, &w);
	if (!c->image)
		fail(c, "open: %s", w.text);
}

void
cut_step(struct cut *c)
{
	memory_mark(&c->log, (uint64_t)++c->step << 1);
}

void
cut_flush(struct cut *c)
{
	int err;

	if (c->failed)
		return;
	err = image_flush(c->image);
	if (err)
		fail(c, "flush: %s (%s)", strerror(-err), c->image->fault.text);
	memory_mark(&c->log, (uint64_t)c->step << 1 | 1);
}

static void
fill_sector(uint8_t *p, uint32_t fill)
{
	for (size_t i = 0; i < CUT_SECTOR; i += 4)
		put_le32(p + i, fill);
}

/* Mostly short ranges, some of them cluster by cluster, sometimes much of the disk. */
static void
choose(struct cut *c, uint32_t *first, uint32_t *n)
{
	static const uint32_t most[] = {1, 1, 4, 8, 8, 64, 400};
	uint32_t cluster = c->image->cluster_size / CUT_SECTOR;

	*first = cut_rand(c, CUT_SECTORS);
	*n = 1 + cut_rand(c, most[cut_rand(c, ARRAY_LEN(most))]);
	if (cluster > 1 && cluster < CUT_SECTORS && cut_rand(c, 3) == 0) {
		*first -= *first % cluster;
		*n += cluster - 1;
		*n -= *n % cluster;
	}
	if (*n > CUT_SECTORS - *first)
		*n = CUT_SECTORS - *first;
}

void
cut_change(struct cut *c)
{
	uint32_t first, n, what = cut_rand(c, 8);
	uint64_t off, len;
	uint8_t *buf;
	int err;

	if (c->failed)
		return;
	choose(c, &first, &n);
	off = (uint64_t)first * CUT_SECTOR;
	len = (uint64_t)n * CUT_SECTOR;
	cut_step(c);
	for (uint32_t i = 0; i < n; i++)
		add_value(c, first + i, what < 6 ? c->step : 0, what == 7);
	if (what < 6) {
		buf = malloc(len);
		for (uint32_t i = 0; i < n; i++)
			fill_sector(buf + (size_t)i * CUT_SECTOR, c->step);
		err = image_write(c->image, buf, len, off);
		free(buf);
	} else if (what == 6) {
		err = image_zero(c->image, off, len, cut_rand(c, 2) ? ZERO_UNMAP : 0);
	} else {
		err = image_discard(c->image, off, len);
	}
	if (err)
		fail(c, "change of %s: %s (%s)", c->format->name, strerror(-err), c->image->fault.text);
}

/* May the sector hold `fill`, when steps up to `flushed` are there for sure, and steps up to `begun` were begun? */
static bool
possible(const struct cut_sector *s, uint32_t fill, uint32_t flushed, uint32_t begun)
{
	size_t i = s->n;

	while (i--) {
		const struct cut_value *v = &s->values[i];

		if (v->step > begun)
			continue;
		if (v->fill == fill)
			return true;
		if (v->step <= flushed && !v->or_before)
			return false;
	}
	return false;
}

static void
check_content(struct cut *c, struct image *i, uint32_t flushed, uint32_t begun, const char *when)
{
	uint8_t *disk = malloc(CUT_SIZE), expected[CUT_SECTOR];
	int err = image_read(i, disk, CUT_SIZE, 0);

	if (err)
		fail(c, "%s: reading: %s (%s)", when, strerror(-err), i->fault.text);
	for (uint32_t s = 0; s < CUT_SECTORS && !c->failed; s++) {
		uint32_t fill = get_le32(disk + (size_t)s * CUT_SECTOR);

		fill_sector(expected, fill);
		if (memcmp(expected, disk + (size_t)s * CUT_SECTOR, CUT_SECTOR))
			fail(c, "%s: sector %u is mixed", when, s);
		else if (!possible(&c->sectors[s], fill, flushed, begun))
			fail(c, "%s: sector %u holds what step %u wrote; flushed were %u steps, begun %u", when, s, fill, flushed, begun);
	}
	free(disk);
}

static void
tell(void *user, const char *line)
{
	struct cut *c = user;

	snprintf(c->finding, sizeof(c->finding), "%s", line);
}

/* Checks with `fix`, and says what is left of errors and leaks. */
static void
check(struct cut *c, struct image *i, unsigned fix, bool leaks_allowed, const char *when)
{
	struct image_check result = {.tell = tell, .user = c};
	struct why w;
	const char *reason;

	if (c->failed || !i->format->check)
		return;
	reason = i->format->check(i, fix, &result, &w);
	if (reason) {
		fail(c, "%s: check: %s", when, reason);
	} else if (result.errors || result.internal || (result.leaks && !leaks_allowed)) {
		fail(c, "%s: %llu errors, %llu leaks: %s", when, (unsigned long long)result.errors, (unsigned long long)result.leaks,
		    c->finding);
	}
}

/* Looks at the image in c->disk and c->data, as they were made. */
static void
look(struct cut *c, uint32_t flushed, uint32_t begun)
{
	struct why w;
	struct image *i = open_image(c, &c->disk, 0, &w);

	c->states++;
	if (!i) {
		fail(c, "opening: %s", w.text);
		return;
	}
	check_content(c, i, flushed, begun, "read only");
	if (!i->dirty) /* what has to be counted anew first is so by opening to write */
		check(c, i, 0, true, "check");
	image_close(i);
	i = c->failed ? NULL : open_image(c, &c->disk, IMAGE_WRITE | IMAGE_CHECK, &w);
	if (!i) {
		fail(c, "opening to repair: %s", w.text);
		return;
	}
	check(c, i, CHECK_FIX_LEAKS | CHECK_FIX_ERRORS, true, "repair");
	image_close(i);
	i = c->failed ? NULL : open_image(c, &c->disk, 0, &w);
	if (!i) {
		fail(c, "opening after the repair: %s", w.text);
		return;
	}
	check(c, i, 0, false, "after the repair");
	check_content(c, i, flushed, begun, "after the repair");
	image_close(i);
}

/* Two files as they were at a point of the record; `base` has what was flushed. */
struct past {
	struct memory base[2];
	size_t flushed_at[2]; /* changes before are in base */
};

/* Makes c->disk and c->data of the past and of a part of the changes since; torn: the last of them may be a part of itself. */
static void
make_state(struct cut *c, const struct past *p, size_t end, unsigned keep_percent, bool torn)
{
	struct memory *now[2] = {&c->disk, &c->data};

	for (int k = 0; k < 2; k++)
		memory_set(now[k], p->base[k].bytes, p->base[k].size);
	for (size_t i = 0; i < end; i++) {
		const struct memory_change *ch = &c->log.changes[i];
		int k = ch->memory == &c->data;
		uint64_t len = ch->len;

		if (ch->what == CHANGE_MARK || i < p->flushed_at[k] || cut_rand(c, 100) >= keep_percent)
			continue;
		if (torn && i == end - 1 && len > CUT_SECTOR) {
			uint64_t stop = align_down(ch->off + cut_rand(c, (uint32_t)len), CUT_SECTOR);

			len = stop > ch->off ? stop - ch->off : 0;
		}
		memory_apply(now[k], ch, len);
	}
}

/* All that came before a flush of a file is in it. */
static void
settle(struct cut *c, struct past *p, size_t end, int k)
{
	for (size_t i = p->flushed_at[k]; i < end; i++)
		if (c->log.changes[i].what != CHANGE_MARK && (c->log.changes[i].memory == &c->data) == k)
			memory_apply(&p->base[k], &c->log.changes[i], UINT64_MAX);
	p->flushed_at[k] = end;
}

static bool
changes_file(const struct memory_change *ch)
{
	return ch->what == CHANGE_WRITE || ch->what == CHANGE_ZERO || ch->what == CHANGE_TRUNCATE;
}

static void
replay(struct cut *c, struct past *p, unsigned random)
{
	uint32_t flushed = 0, begun = 0;

	for (size_t i = 0; i < c->log.n && !c->failed; i++) {
		const struct memory_change *ch = &c->log.changes[i];

		if (ch->what == CHANGE_MARK) {
			if (ch->off & 1)
				flushed = (uint32_t)(ch->off >> 1);
			begun = (uint32_t)(ch->off >> 1);
		} else if (ch->what == CHANGE_FLUSH) {
			settle(c, p, i, ch->memory == &c->data);
		} else if (changes_file(ch)) {
			for (unsigned n = 0; n <= random && !c->failed; n++) {
				make_state(c, p, i + 1, n == 0 ? 100 : 20 + cut_rand(c, 70), n > 0);
				look(c, flushed, begun);
			}
			c->cut_at = i;
		}
	}
}

bool
cut_replay(struct cut *c, unsigned random)
{
	struct past p = {0};

	if (c->image && !c->failed)
		cut_flush(c);
	if (c->image)
		image_close(c->image);
	c->image = NULL;
	if (c->failed)
		return false;
	c->disk.log = c->data.log = NULL;
	p.base[0].limit = p.base[1].limit = LIMIT;
	memory_set(&p.base[0], c->created[0].bytes, c->created[0].size);
	memory_set(&p.base[1], c->created[1].bytes, c->created[1].size);
	replay(c, &p, random);
	memory_free(&p.base[0]);
	memory_free(&p.base[1]);
	return !c->failed;
}

void
cut_end(struct cut *c)
{
	for (uint32_t i = 0; i < CUT_SECTORS; i++)
		free(c->sectors[i].values);
	memory_free(&c->disk);
	memory_free(&c->data);
	memory_free(&c->created[0]);
	memory_free(&c->created[1]);
	memory_log_free(&c->log);
}

/* SPDX-License-Identifier: ISC */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/formats.h"
#include "common/num.h"
#include "common/util.h"
#include "tests/powercut.h"

#define LIMIT (64 << 20)

uint32_t
cut_rand(struct cut *c, uint32_t n)
{
	return past_rand(&c->dice, n);
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
	struct cut *c = user;

	c->beside = data_file(user, name, true, w);
	return c->beside;
}

/* Opens a copy of the image, or the image itself. */
static struct image *
open_image(struct cut *c, struct memory *m, unsigned flags, struct why *w)
{
	struct image_open how = {.file = memory_open(m, false), .flags = flags, .named = data_file, .user = c,
	    .secret = (const uint8_t *)CUT_SECRET, .secret_len = strlen(CUT_SECRET)};
	struct image_open below = {.file = memory_open(&c->base, true)};
	struct image *i = image_open(c->format, &how, w);

	if (i && c->base.size)
		i->backing = image_open(&format_raw, &below, w);
	else
		file_close(below.file);
	return i;
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
	    .beside = new_data_file, .user = c, .secret = (const uint8_t *)CUT_SECRET, .secret_len = strlen(CUT_SECRET)};
	char *options = strdup(c->options), *rest = options;
	const char *reason = NULL;

	if (c->base.size) {
		how.backing_name = "base";
		how.backing_format = "raw";
	}
	for (char *word; !reason && (word = strsep(&rest, ",")) && *word; how.nsettings++)
		if (!setting(c->format, word, &settings[how.nsettings]))
			reason = why(w, "no option %s", word);
	if (!reason)
		reason = c->format->create(&how, w);
	file_close(how.file);
	file_close(c->beside);
	free(options);
	return reason;
}

void
cut_become(struct cut *c, uint32_t first, uint32_t n, struct cut_value v)
{
	v.step = c->step;
	for (struct cut_sector *s = c->sectors + first; s < c->sectors + first + n; s++) {
		s->values = realloc(s->values, (s->n + 1) * sizeof(*s->values));
		s->values[s->n++] = v;
	}
}

void
cut_fill(uint8_t *p, uint32_t fill)
{
	for (size_t i = 0; i < CUT_SECTOR; i += 4)
		put_le32(p + i, fill);
}

/* An image below, of half the sectors. */
static void
make_base(struct cut *c)
{
	memory_set(&c->base, NULL, 0);
	c->base.bytes = realloc(c->base.bytes, CUT_SIZE / 2);
	c->base.size = CUT_SIZE / 2;
	for (uint32_t i = 0; i < CUT_SECTORS / 2; i++)
		cut_fill(c->base.bytes + (size_t)i * CUT_SECTOR, CUT_BASE);
}

void
cut_begin(struct cut *c, const struct format *format, const char *options, bool on_base, uint64_t seed)
{
	struct why w;

	*c = (struct cut){.format = format, .options = options, .dice = seed};
	c->disk.limit = c->data.limit = LIMIT;
	cut_become(c, 0, CUT_SECTORS, (struct cut_value){.fill = 0});
	if (on_base) {
		make_base(c);
		cut_become(c, 0, CUT_SECTORS / 2, (struct cut_value){.fill = CUT_BASE});
	}
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
	cut_stable(c, c->step);
}

void
cut_stable(struct cut *c, uint32_t step)
{
	memory_mark(&c->log, (uint64_t)step << 1 | 1);
}

/* Mostly short ranges, some of them cluster by cluster, sometimes much of the disk. */
void
cut_choose(struct cut *c, uint32_t *first, uint32_t *n)
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
	cut_choose(c, &first, &n);
	off = (uint64_t)first * CUT_SECTOR;
	len = (uint64_t)n * CUT_SECTOR;
	cut_step(c);
	cut_become(c, first, n, (struct cut_value){.fill = what < 6 ? c->step : 0, .since = c->step, .or_before = what == 7});
	if (what < 6) {
		buf = malloc(len);
		for (uint32_t i = 0; i < n; i++)
			cut_fill(buf + (size_t)i * CUT_SECTOR, c->step);
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

/* What a state is looked at for. */
struct view {
	struct cut *c;
	uint32_t flushed, begun; /* steps */
	size_t changes;		 /* of the record */
};

/* May the sector hold `fill`? What a write, done before a flush, found done already cannot be seen any more. */
static bool
possible(const struct cut_sector *s, uint32_t fill, const struct view *v)
{
	uint32_t oldest = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct cut_value *x = &s->values[i];
		bool stable = x->step <= v->flushed || (x->stable_at && x->stable_at < v->changes);

		if (stable && !x->or_before && x->since > oldest)
			oldest = x->since;
	}
	for (size_t i = s->n; i--;)
		if (s->values[i].fill == fill && s->values[i].step <= v->begun && s->values[i].step >= oldest)
			return true;
	return false;
}

static struct image *
view_open(void *user, unsigned flags, struct why *w)
{
	struct view *v = user;

	return open_image(v->c, &v->c->disk, flags, w);
}

static const char *
view_content(void *user, struct image *i, struct why *w)
{
	const struct view *v = user;
	uint8_t *disk = malloc(CUT_SIZE), expected[CUT_SECTOR];
	int err = image_read(i, disk, CUT_SIZE, 0);
	const char *no = err ? why(w, "reading: %s (%.100s)", strerror(-err), i->fault.text) : NULL;

	for (uint32_t s = 0; s < CUT_SECTORS && !no; s++) {
		uint32_t fill = get_le32(disk + (size_t)s * CUT_SECTOR);

		cut_fill(expected, fill);
		if (memcmp(expected, disk + (size_t)s * CUT_SECTOR, CUT_SECTOR))
			no = why(w, "sector %u is mixed", s);
		else if (!possible(&v->c->sectors[s], fill, v))
			no = why(w, "sector %u holds what step %u wrote; flushed were %u steps, begun %u", s, fill, v->flushed, v->begun);
	}
	free(disk);
	return no;
}

static void
replay(struct cut *c, struct past *p, unsigned random)
{
	struct view v = {.c = c};
	const struct past_look look = {.open = view_open, .content = view_content, .user = &v};
	struct why w;

	for (size_t i = 0; i < c->log.n && !c->failed; i++) {
		const struct memory_change *ch = &c->log.changes[i];

		v.changes = i + 1;
		if (ch->what == CHANGE_MARK && ch->off & 1)
			v.flushed = ch->off >> 1 > v.flushed ? (uint32_t)(ch->off >> 1) : v.flushed;
		else if (ch->what == CHANGE_MARK)
			v.begun = (uint32_t)(ch->off >> 1);
		if (!past_step(p, i))
			continue;
		for (unsigned n = 0; n <= random && !c->failed; n++, c->states++) {
			past_make(p, i + 1, n == 0 ? 100 : 20 + cut_rand(c, 70), n > 0, &c->dice);
			if (past_look(&look, &w))
				fail(c, "%s", w.text);
		}
		c->cut_at = i;
	}
}

bool
cut_replay(struct cut *c, unsigned random)
{
	struct past p = {.log = &c->log};

	if (c->image && !c->failed)
		cut_flush(c);
	if (c->image)
		image_close(c->image);
	c->image = NULL;
	if (c->failed)
		return false;
	c->disk.log = c->data.log = NULL;
	past_add(&p, &c->disk, c->created[0].bytes, c->created[0].size);
	past_add(&p, &c->data, c->created[1].bytes, c->created[1].size);
	replay(c, &p, random);
	past_end(&p);
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
	memory_free(&c->base);
	memory_log_free(&c->log);
}

/* SPDX-License-Identifier: ISC */
#include <stdio.h>

#include "common/bytes.h"
#include "tests/past.h"

uint32_t
past_rand(uint64_t *dice, uint32_t n)
{
	*dice = *dice * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((*dice >> 33) % n);
}

void
past_add(struct past *p, struct memory *m, const void *bytes, uint64_t size)
{
	p->now[p->n] = m;
	p->base[p->n].limit = m->limit;
	memory_set(&p->base[p->n++], bytes, size);
}

static unsigned
file_of(const struct past *p, const struct memory_change *ch)
{
	unsigned k = 0;

	while (k < p->n && p->now[k] != ch->memory)
		k++;
	return k;
}

static bool
changes_file(const struct memory_change *ch)
{
	return ch->what == CHANGE_WRITE || ch->what == CHANGE_ZERO || ch->what == CHANGE_TRUNCATE;
}

bool
past_step(struct past *p, size_t end)
{
	const struct memory_change *flush = &p->log->changes[end];
	unsigned k = file_of(p, flush);

	if (flush->what == CHANGE_FLUSH && k < p->n) {
		for (size_t i = p->flushed_at[k]; i < end; i++)
			if (changes_file(&p->log->changes[i]) && p->log->changes[i].memory == p->now[k])
				memory_apply(&p->base[k], &p->log->changes[i], UINT64_MAX);
		p->flushed_at[k] = end;
	}
	return changes_file(flush);
}

void
past_make(struct past *p, size_t end, unsigned keep_percent, bool torn, uint64_t *dice)
{
	for (unsigned k = 0; k < p->n; k++)
		memory_set(p->now[k], p->base[k].bytes, p->base[k].size);
	for (size_t i = 0; i < end; i++) {
		const struct memory_change *ch = &p->log->changes[i];
		unsigned k = changes_file(ch) ? file_of(p, ch) : p->n;
		uint64_t len = ch->len;

		if (k == p->n || i < p->flushed_at[k] || past_rand(dice, 100) >= keep_percent)
			continue;
		if (torn && i == end - 1 && len > PAST_SECTOR) {
			uint64_t stop = align_down(ch->off + past_rand(dice, (uint32_t)len), PAST_SECTOR);

			len = stop > ch->off ? stop - ch->off : 0;
		}
		memory_apply(p->now[k], ch, len);
	}
}

void
past_end(struct past *p)
{
	for (unsigned k = 0; k < p->n; k++)
		memory_free(&p->base[k]);
	p->n = 0;
}

static void
tell(void *user, const char *line)
{
	snprintf(user, 200, "%s", line);
}

/* Checks, and repairs with `fix`; NULL, or what is left of errors and leaks. */
static const char *
check(struct image *i, unsigned fix, bool leaks_allowed, const char *when, struct why *w)
{
	char finding[200] = "";
	struct image_check result = {.tell = tell, .user = finding};
	struct why no;

	if (!i->format->check)
		return NULL;
	if (i->format->check(i, fix, &result, &no))
		return why(w, "%s: %.200s", when, no.text);
	if (result.errors || result.internal || (result.leaks && !leaks_allowed))
		return why(w, "%s: %llu errors, %llu leaks: %s", when, (unsigned long long)result.errors,
		    (unsigned long long)result.leaks, finding);
	return NULL;
}

static struct image *
open_image(const struct past_look *l, unsigned flags, const char *when, struct why *w)
{
	struct why no;
	struct image *i = l->open(l->user, flags, &no);

	if (!i)
		why(w, "opening %s: %.200s", when, no.text);
	return i;
}

static const char *
content(const struct past_look *l, struct image *i, const char *when, struct why *w)
{
	struct why no;

	return l->content(l->user, i, &no) ? why(w, "%s: %.200s", when, no.text) : NULL;
}

static const char *
as_left(const struct past_look *l, struct why *w)
{
	struct image *i = open_image(l, 0, "as it was left", w);
	const char *no;

	if (!i)
		return w->text;
	no = content(l, i, "as it was left", w);
	if (!no && !i->dirty && !l->broken) /* what has to be counted anew first is so by opening to write */
		no = check(i, 0, true, "check", w);
	image_close(i);
	return no;
}

const char *
past_look(const struct past_look *l, struct why *w)
{
	const char *no = as_left(l, w);
	struct image *i = no ? NULL : open_image(l, IMAGE_WRITE | IMAGE_CHECK, "to repair", w);

	if (!i)
		return w->text;
	no = check(i, CHECK_FIX_LEAKS | CHECK_FIX_ERRORS, true, "repair", w);
	if (image_close(i) && !no)
		no = why(w, "closing after the repair");
	i = no ? NULL : open_image(l, 0, "after the repair", w);
	if (!i)
		return w->text;
	no = check(i, 0, false, "after the repair", w);
	if (!no)
		no = content(l, i, "after the repair", w);
	image_close(i);
	return no;
}

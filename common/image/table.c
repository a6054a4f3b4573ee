/* SPDX-License-Identifier: ISC */
/* Pages of tables: a hash of those in memory, of which the ones unused for longest make room (by a clock's hand). */
#include <errno.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/image/table.h"

#define PAGES 1024
#define BUCKETS 512

struct page {
	uint64_t off;
	uint32_t len;
	bool dirty, used;
	struct page *next; /* of the same bucket */
	uint8_t bytes[TABLE_PAGE];
};

struct tables {
	struct file *file;
	int (*read)(void *user, void *buf, size_t len, uint64_t off);
	void *user;
	struct page *last; /* what tables_at gave */
	struct page *bucket[BUCKETS];
	struct page *pages[PAGES]; /* of which there are n */
	unsigned n, hand, dirty;
};

struct tables *
tables_new(struct file *f, int (*read)(void *user, void *buf, size_t len, uint64_t off), void *user)
{
	struct tables *t = calloc(1, sizeof(*t));

	if (t) {
		t->file = f;
		t->read = read;
		t->user = user;
	}
	return t;
}

void
tables_free(struct tables *t)
{
	if (t)
		tables_forget(t);
	free(t);
}

void
tables_forget(struct tables *t)
{
	while (t->n)
		free(t->pages[--t->n]);
	memset(t->bucket, 0, sizeof(t->bucket));
	t->last = NULL;
	t->hand = t->dirty = 0;
}

/* Small tables lie close together, big ones are page after page: both spread. */
static struct page **
bucket(struct tables *t, uint64_t off)
{
	return &t->bucket[(off / 512 ^ off / TABLE_PAGE) % BUCKETS];
}

/* Tables of hostile images may begin at one place and differ in length. */
static struct page *
find(struct tables *t, uint64_t off, uint32_t len)
{
	struct page *p = *bucket(t, off);

	while (p && (p->off != off || p->len != len))
		p = p->next;
	return p;
}

static void
unlink_page(struct tables *t, struct page *p)
{
	struct page **at = bucket(t, p->off);

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
}

/* A page to fill, in no bucket and the last of the array. Only half of all may be dirty, so the hand comes to rest. */
static struct page *
take(struct tables *t)
{
	struct page *p;

	if (t->n < PAGES) {
		p = malloc(sizeof(*p));
		return p ? t->pages[t->n++] = p : NULL;
	}
	for (;; t->hand = (t->hand + 1) % PAGES) {
		p = t->pages[t->hand];
		if (!p->dirty && !p->used)
			break;
		p->used = false;
	}
	unlink_page(t, p);
	t->pages[t->hand] = t->pages[PAGES - 1];
	return t->pages[PAGES - 1] = p;
}

static struct page *
load(struct tables *t, uint64_t off, uint32_t len, int *err)
{
	struct page *p = take(t);

	*err = -ENOMEM;
	if (!p)
		return NULL;
	p->off = off;
	p->len = len;
	p->dirty = false;
	*err = t->read ? t->read(t->user, p->bytes, len, off) : file_read(t->file, p->bytes, len, off);
	if (*err) {
		free(p);
		t->n--;
		return NULL;
	}
	p->next = *bucket(t, off);
	*bucket(t, off) = p;
	return p;
}

int
tables_at(struct tables *t, struct table table, uint64_t at, uint8_t **entry)
{
	uint64_t page = align_down(at, TABLE_PAGE), off = table.start + page;
	uint32_t len = (uint32_t)min_u64(TABLE_PAGE, table.len - page);
	int err = 0;

	if (!t->last || t->last->off != off || t->last->len != len)
		t->last = find(t, off, len);
	if (!t->last)
		t->last = load(t, off, len, &err);
	if (!t->last)
		return err;
	t->last->used = true;
	*entry = t->last->bytes + (at - page);
	return 0;
}

void
tables_changed(struct tables *t)
{
	t->dirty += !t->last->dirty;
	t->last->dirty = true;
}

bool
tables_dirty(const struct tables *t)
{
	return t->dirty;
}

bool
tables_full(const struct tables *t)
{
	return t->dirty >= PAGES / 2;
}

int
tables_write(struct tables *t, int (*write)(void *user, const void *buf, size_t len, uint64_t off), void *user)
{
	int err = 0;

	for (unsigned n = 0; n < t->n && t->dirty && !err; n++) {
		struct page *p = t->pages[n];

		if (!p->dirty)
			continue;
		err = write ? write(user, p->bytes, p->len, p->off) : file_write(t->file, p->bytes, p->len, p->off);
		p->dirty = err;
		t->dirty -= !err;
	}
	return err;
}

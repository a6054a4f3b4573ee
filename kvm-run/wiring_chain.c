/* SPDX-License-Identifier: ISC */
/* Chains of images in a wire; the contracts are in wiring_chain.h. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/num.h"
#include "kvm-run/wiring.h"
#include "kvm-run/wiring_chain.h"

/* The next of the words that colons part, with its NUL; false at the end, or where it is too long. */
static bool
next_word(const char **list, char *word, size_t size)
{
	size_t n = strcspn(*list, ":");

	if (!**list || n >= size)
		return false;
	memcpy(word, *list, n);
	word[n] = '\0';
	*list += n + ((*list)[n] == ':');
	return true;
}

/* Marks the places that data= names. False: they are none. */
static bool
data_places(const struct wire *w, bool is_data[WIRE_FDS_MAX])
{
	const char *list = wire_get(w, "data");
	uint64_t at, least = 1; /* two data files have an image between them */
	char word[16];

	while (list && *list) {
		if (!next_word(&list, word, sizeof(word)) || !num_parse(word, least, w->nfds - 1, &at))
			return false;
		is_data[at] = true;
		least = at + 2;
	}
	return true;
}

static const char *
take_formats(const struct wire *w, struct wiring_chain *c, struct why *why_)
{
	const char *list = wire_get(w, "fmt"), *p = list;
	size_t n = 0;

	for (; n < c->nlayers; n++)
		if (!list)
			strcpy(c->format[n], "qcow2");
		else if (!next_word(&p, c->format[n], sizeof(c->format[n])))
			break;
	if (n < c->nlayers || (p && *p))
		return why(why_, "fmt=%s: not the formats of %zu images", list, c->nlayers);
	return NULL;
}

const char *
wiring_chain(const struct wire *w, struct wiring_chain *c, struct why *why_)
{
	bool is_data[WIRE_FDS_MAX] = {false};

	*c = (struct wiring_chain){0};
	if (!data_places(w, is_data))
		return why(why_, "data=%s: places in the list of fd, rising, each right behind its image's (the first is 0)",
		    wire_get(w, "data"));
	for (size_t at = 0; at < w->nfds; at++)
		if (is_data[at])
			c->data[c->nlayers - 1] = at;
		else
			c->place[c->nlayers++] = at;
	return take_formats(w, c, why_);
}

/* What kvm-run knows by itself: qcow2, and raw below all. */
static void
check_formats(const struct wire *w, const struct wiring_chain *c, struct wire_faults *f)
{
	for (size_t i = 0; i < c->nlayers; i++) {
		bool raw = !strcmp(c->format[i], "raw");

		if (!raw && strcmp(c->format[i], "qcow2"))
			wire_fault(f, w, "fmt: %s: not offered by kvm-run (vm-img convert makes a qcow2 image of it, vm-img serve an NBD export)",
			    c->format[i]);
		else if (raw && i + 1 < c->nlayers)
			wire_fault(f, w, "fmt: a raw image lies on no other");
		else if (raw && c->data[i])
			wire_fault(f, w, "data=%s: names a data file of a raw image", wire_get(w, "data"));
		else if (raw && !i)
			wire_fault(f, w, "fmt: raw alone is no image: leave as=qcow2 out");
	}
}

/* Locks do not tell two layers of one open file apart. */
static void
check_twice(const struct wire *w, struct wire_faults *f)
{
	struct stat a, b;

	for (size_t i = 1; i < w->nfds; i++)
		for (size_t k = 0; k < i; k++)
			if (fstat(w->fds[i], &a) == 0 && fstat(w->fds[k], &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
				wire_fault(f, w, "fd %d: the same file as fd %d", w->fds[i], w->fds[k]);
}

/* A passphrase may come through a pipe, which can be read once. */
static void
check_key(const struct wires *ws, const struct wire *w, struct wire_faults *f)
{
	const char *id = wire_get(w, "key"), *other;
	const struct wire *key = id ? wires_find(ws, id) : NULL;

	if (id && (!key || key->kind != WIRE_KEY))
		wire_fault(f, w, "key=%s: no such key wire", id);
	for (const struct wire *v = ws->v; id && v < ws->v + ws->n; v++)
		if (v != w && v->nfds && v->kind == WIRE_BLK && (other = wire_get(v, "key")) && !strcmp(id, other) && v < w)
			wire_fault(f, w, "key=%s: is that of %s", id, v->id);
}

void
wiring_check_chain(const struct wires *ws, const struct wire *w, bool own, struct wire_faults *f)
{
	static const char *const keys[] = {"fmt", "data", "key"};
	const char *reason;
	struct wiring_chain c;
	struct why why_;

	if (wiring_as(ws, w) != AS_QCOW2) {
		for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
			if (wire_get(w, keys[i]))
				wire_fault(f, w, "%s: only with as=qcow2", keys[i]);
		return;
	}
	check_twice(w, f);
	check_key(ws, w, f);
	reason = wiring_chain(w, &c, &why_);
	if (reason)
		wire_fault(f, w, "%s", reason);
	if (own && !reason)
		check_formats(w, &c, f);
}

/* SPDX-License-Identifier: ISC */
/* The boot order; the contracts are in bootorder.h. */
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "common/diag.h"
#include "common/util.h"
#include "kvm-run/bootorder.h"
#include "kvm-run/vm.h"

#define SECONDS_MAX 3600

static const char *const classes[] = {"disk", "cdrom", "net"};

static const char *
refuse(char *why, size_t size, const char *word, const char *what)
{
	snprintf(why, size, "%.40s: %s", word, what);
	return why;
}

static const char *
add_word(struct boot_words *w, const char *word, char *why, size_t size)
{
	if (!*word || strlen(word) >= BOOT_WORD_MAX)
		return refuse(why, size, word, "no device's name");
	if (w->n == BOOT_WORDS_MAX)
		return refuse(why, size, word, "one device too many");
	strcpy(w->word[w->n++], word);
	return NULL;
}

static const char *
add_words(struct boot_words *w, char *list, char *why, size_t size)
{
	const char *word, *reason = NULL;

	while (!reason && (word = strsep(&list, ":")))
		reason = add_word(w, word, why, size);
	return reason;
}

static const char *
seconds(uint32_t *ms, const char *word, const char *value, char *why, size_t size)
{
	uint64_t n;

	if (!num_parse(value, 0, SECONDS_MAX, &n))
		return refuse(why, size, word, "not a number of seconds up to 3600");
	*ms = (uint32_t)n * 1000;
	return NULL;
}

static const char *
add_setting(struct boot_options *b, const char *key, char *value, char *why, size_t size)
{
	if (!strcmp(key, "once"))
		return add_words(&b->once, value, why, size);
	if (!strcmp(key, "menu"))
		return seconds(&b->menu_ms, key, value, why, size);
	if (!strcmp(key, "fail"))
		return seconds(&b->fail_ms, key, value, why, size);
	if (strcmp(key, "serial"))
		return refuse(why, size, key, "not once, menu, fail or serial");
	if (strcmp(value, "on") && strcmp(value, "off"))
		return refuse(why, size, value, "not on or off");
	b->serial = strcmp(value, "on") ? BOOT_SERIAL_OFF : BOOT_SERIAL_ON;
	return NULL;
}

const char *
bootorder_parse(struct boot_options *b, const char *words, char *why, size_t size)
{
	char copy[256], *rest = copy, *word;
	const char *reason = NULL;

	if (strlen(words) >= sizeof(copy))
		return "longer than 255 bytes";
	strcpy(copy, words);
	b->given = true;
	while (!reason && (word = strsep(&rest, ","))) {
		char *value = strchr(word, '=');

		if (value) {
			*value++ = '\0';
			reason = add_setting(b, word, value, why, size);
		} else if (!strcmp(word, "only")) {
			b->only = true;
		} else {
			reason = add_word(&b->order, word, why, size);
		}
	}
	return reason;
}

/* "disk", "cdrom" or "net", or NULL: nothing boots from it. */
static const char *
class_of(const struct wire *w)
{
	const char *media = wire_get(w, "media");

	if (w->kind == WIRE_NET)
		return "net";
	if (w->kind != WIRE_BLK)
		return NULL;
	return media && !strcmp(media, "cdrom") ? "cdrom" : "disk";
}

static bool
names(const char *word, const struct wire *w)
{
	const char *class = class_of(w);

	return class && (!strcmp(word, class) || !strcmp(word, w->id));
}

static void
check_words(const struct boot_words *words, struct wires *ws)
{
	for (size_t i = 0; i < words->n; i++) {
		bool found = false;

		for (size_t c = 0; c < ARRAY_LEN(classes); c++)
			found |= !strcmp(words->word[i], classes[c]);
		for (size_t w = 0; w < ws->n && !found; w++)
			found = ws->v[w].nfds && names(words->word[i], &ws->v[w]);
		if (found)
			continue;
		error("-B %s: neither disk, cdrom or net, nor the id of a blk or net wire", words->word[i]);
		ws->faults++;
	}
}

void
bootorder_check(const struct boot_options *b, struct wires *ws)
{
	check_words(&b->order, ws);
	check_words(&b->once, ws);
}

struct list {
	const struct vm *vm;
	char *to;
	size_t size, len;
	bool full;
	bool listed[WIRES_MAX];
};

static void
put_line(struct list *l, const char *line)
{
	int n = snprintf(l->to + l->len, l->size - l->len, "%s%s", l->len ? "\n" : "", line);

	l->full |= (size_t)n >= l->size - l->len;
	if (!l->full)
		l->len += (size_t)n;
}

static const struct vm_device *
device_of(const struct vm *vm, const struct wire *w)
{
	for (unsigned i = 0; i < vm->ndevices; i++)
		if (!strcmp(vm->devices[i].id, w->id))
			return &vm->devices[i];
	return NULL;
}

/* All devices that the word names, and that are not in the list yet. */
static void
put_devices(struct list *l, const char *word)
{
	const struct wires *ws = &l->vm->wires;

	for (size_t i = 0; i < ws->n; i++) {
		const struct wire *w = &ws->v[i];
		const struct vm_device *d = w->nfds && names(word, w) ? device_of(l->vm, w) : NULL;

		if (!d || l->listed[i] || !d->boot_path[0])
			continue;
		l->listed[i] = true;
		put_line(l, d->boot_path);
	}
}

size_t
bootorder_write(const struct vm *vm, bool first, char *to, size_t size)
{
	const struct boot_options *b = &vm->opt.boot;
	const struct boot_words *words = first && b->once.n ? &b->once : &b->order;
	struct list l = {.vm = vm, .to = to, .size = size};

	for (size_t i = 0; i < words->n; i++)
		put_devices(&l, words->word[i]);
	for (size_t i = 0; i < ARRAY_LEN(classes) && !b->only; i++)
		put_devices(&l, classes[i]);
	if (b->only)
		put_line(&l, "HALT"); /* tells SeaBIOS that the rest is not wanted */
	return l.full ? 0 : l.len + 1;
}

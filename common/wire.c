/* SPDX-License-Identifier: ISC */
/* The grammar of wires; the contracts are in wire.h, the grammar in vm-wires(7). Nothing here touches a descriptor. */
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/wire.h"

/* The keys of a kind besides id and as, as vm-wires(7) lists them. What a consumer offers of them is its own affair. */
static const struct {
	const char *name;
	const char *keys[9]; /* and a NULL */
} kinds[WIRE_KINDS] = {
    [WIRE_NET] = {"net", {"mac", "mtu", "model"}},
    [WIRE_VHOST] = {"vhost", {"of"}},
    [WIRE_BLK] = {"blk", {"serial", "cache", "bus", "media", "fmt", "data", "key", "export"}},
    [WIRE_CON] = {"con", {NULL}},
    [WIRE_FB] = {"fb", {"model"}},
    [WIRE_CTL] = {"ctl", {NULL}},
    [WIRE_MEM] = {"mem", {NULL}},
    [WIRE_PCAP] = {"pcap", {"of"}},
    [WIRE_KERN] = {"kern", {NULL}},
    [WIRE_INIT] = {"init", {NULL}},
    [WIRE_FW] = {"fw", {"of"}},
    [WIRE_KEY] = {"key", {NULL}},
    [WIRE_PCI] = {"pci", {NULL}},
    [WIRE_HOLD] = {"hold", {NULL}},
};

const char *
wire_kind_name(enum wire_kind kind)
{
	return kinds[kind].name;
}

static bool
is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* What a word is made of: vchar, and the two separators. Not isalnum(3), which asks the locale. */
static bool
is_word_char(char c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || (c && strchr("._:/@+%-,=", c));
}

static bool
key_known(enum wire_kind kind, const char *key)
{
	/* x-keys are hints that any consumer may ignore. */
	if (key[0] == 'x' || !strcmp(key, "as"))
		return true;
	for (const char *const *k = kinds[kind].keys; *k; k++)
		if (!strcmp(*k, key))
			return true;
	return false;
}

/* Leaves why (a format for at most one name) in the wire; always false, for the parsers to return. */
static bool PRINTF(2, 3)
refuse(struct wire *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->why, sizeof(w->why), fmt, ap);
	va_end(ap);
	return false;
}

static bool
parse_kind(struct wire *w, const char *name)
{
	for (int k = 0; k < WIRE_KINDS; k++)
		if (!strcmp(kinds[k].name, name)) {
			w->kind = (enum wire_kind)k;
			return true;
		}
	return refuse(w, "unknown kind %.20s", name);
}

static bool
parse_fds(struct wire *w, char *list)
{
	char *num;
	uint64_t fd;

	while ((num = strsep(&list, ":"))) {
		if (w->nfds == WIRE_FDS_MAX)
			return refuse(w, "fd: more than %d numbers", WIRE_FDS_MAX);
		if (strlen(num) > 10 || !num_parse(num, 0, INT_MAX, &fd))
			return refuse(w, "fd: not a number");
		w->fds[w->nfds++] = (int)fd;
	}
	return true;
}

static bool
key_valid(const char *key)
{
	if (!is_lower(*key))
		return false;
	while (*++key)
		if (!is_lower(*key) && !is_digit(*key))
			return false;
	return true;
}

static bool
parse_key(struct wire *w, char *piece)
{
	char *value = strchr(piece, '=');

	if (value)
		*value++ = '\0';
	if (!key_valid(piece))
		return refuse(w, "bad key name %.20s", piece);
	if (!value || !*value)
		return refuse(w, "%.20s: no value", piece);
	if (strchr(value, '='))
		return refuse(w, "%.20s: = in the value", piece);
	if (!strcmp(piece, "fd") || wire_get(w, piece) || (!strcmp(piece, "id") && w->id[0]))
		return refuse(w, "%.20s: given twice", piece);
	if (!strcmp(piece, "id")) {
		if (strlen(value) >= sizeof(w->id))
			return refuse(w, "id: longer than %zu characters", sizeof(w->id) - 1);
		strcpy(w->id, value);
		return true;
	}
	if (!key_known(w->kind, piece))
		return refuse(w, "unknown key %.20s", piece);
	if (w->nkeys == WIRE_KEYS_MAX)
		return refuse(w, "more than %d keys", WIRE_KEYS_MAX);
	w->keys[w->nkeys++] = (struct wire_key){piece, value};
	return true;
}

static bool
parse(struct wire *w, const char *word, size_t len)
{
	char *rest = w->text, *piece;

	if (len >= WIRE_TEXT_MAX)
		return refuse(w, "longer than %d characters", WIRE_TEXT_MAX - 1);
	for (size_t i = 0; i < len; i++)
		if (!is_word_char(word[i]))
			return refuse(w, "a character that no wire may hold");
	memcpy(w->text, word, len);
	w->text[len] = '\0';

	if (!parse_kind(w, strsep(&rest, ",")))
		return false;
	piece = strsep(&rest, ",");
	if (!piece || strncmp(piece, "fd=", 3))
		return refuse(w, "no fd= after the kind");
	if (!parse_fds(w, piece + 3))
		return false;
	while ((piece = strsep(&rest, ",")))
		if (!parse_key(w, piece))
			return false;
	return true;
}

bool
wire_parse(struct wire *w, const char *word, size_t len, const char **why)
{
	w->id[0] = w->why[0] = '\0';
	w->nfds = w->nkeys = 0;
	*why = w->why;
	return parse(w, word, len);
}

const char *
wire_get(const struct wire *w, const char *key)
{
	for (size_t i = 0; i < w->nkeys; i++)
		if (!strcmp(w->keys[i].name, key))
			return w->keys[i].value;
	return NULL;
}

/* SPDX-License-Identifier: ISC */
/* The words of -m; the contract is in memory_options.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/num.h"
#include "common/util.h"
#include "kvm-run/memory_options.h"
#include "kvm-run/subopt.h"

#define PAGE 4096ULL

typedef bool word_fn(struct memory_options *o, char *value);

static bool
read_size(const char *s, uint64_t *out)
{
	if (!s || !size_parse(s, 1 << 20, MEMORY_MIN, MEMORY_MAX, out))
		return false;
	*out &= ~(PAGE - 1);
	return true;
}

static bool
do_huge(struct memory_options *o, char *value)
{
	o->huge = 2ULL << 20;
	return !value || (read_size(value, &o->huge) && (o->huge == 2ULL << 20 || o->huge == 1ULL << 30));
}

static bool
do_max(struct memory_options *o, char *value)
{
	return read_size(value, &o->max);
}

static bool
do_share(struct memory_options *o, char *value)
{
	o->share = true;
	return !value;
}

static bool
do_lock(struct memory_options *o, char *value)
{
	o->lock = true;
	return !value;
}

static bool
do_merge(struct memory_options *o, char *value)
{
	o->merge = true;
	return !value;
}

static bool
do_thp(struct memory_options *o, char *value)
{
	static const char *const names[] = {[THP_ALWAYS] = "always", [THP_HOST] = "host", [THP_NEVER] = "never"};

	for (unsigned i = 0; value && i < ARRAY_LEN(names); i++)
		if (!strcmp(value, names[i])) {
			o->thp = i;
			return true;
		}
	return false;
}

static bool
do_balloon(struct memory_options *o, char *value)
{
	static const char *const names[] = {[BALLOON_ON] = "on", [BALLOON_HARD] = "hard", [BALLOON_OFF] = "off"};

	for (unsigned i = 0; value && i < ARRAY_LEN(names); i++) {
		o->balloon = (enum memory_balloon)i;
		if (!strcmp(value, names[i]))
			return true;
	}
	return false;
}

/* "2": even shares, set when all of -m was read; "1G:2G": these. */
static bool
do_nodes(struct memory_options *o, char *value)
{
	uint64_t count = 0;
	char *one;

	if (!value)
		return false;
	if (!strchr(value, ':')) {
		if (!num_parse(value, 1, MEMORY_NODES_MAX, &count))
			return false;
		o->nodes = (unsigned)count;
		return true;
	}
	for (; (one = strsep(&value, ":")); count++)
		if (count == MEMORY_NODES_MAX || !read_size(one, &o->node_size[count]))
			return false;
	o->nodes = (unsigned)count;
	return true;
}

static bool
do_host(struct memory_options *o, char *value)
{
	uint64_t node;
	char *one;

	while ((one = strsep(&value, ":"))) {
		if (o->hosts == MEMORY_NODES_MAX || !num_parse(one, 0, 1023, &node))
			return false;
		o->host[o->hosts++] = (unsigned)node;
	}
	return o->hosts;
}

static const struct word {
	const char *name;
	word_fn *fn;
	const char *want;
} words[] = {
    {"huge", do_huge, "2M or 1G"},
    {"share", do_share, "no value"},
    {"lock", do_lock, "no value"},
    {"merge", do_merge, "no value"},
    {"thp", do_thp, "always, host or never"},
    {"max", do_max, "a size"},
    {"balloon", do_balloon, "on, hard or off"},
    {"nodes", do_nodes, "a count up to 8, or sizes: 1G:2G"},
    {"host", do_host, "nodes of the host: 0:1"},
};

static const char *
read_word(struct memory_options *o, const char *text, const char *key, char *value, char *why, size_t size)
{
	if (!strcmp(key, "cpus") && value) { /* for whoever lays the vCPUs out: the text itself stays */
		o->node_cpus = text;
		return NULL;
	}
	for (const struct word *w = words; w < words + ARRAY_LEN(words); w++) {
		if (strcmp(key, w->name))
			continue;
		if (w->fn(o, value))
			return NULL;
		snprintf(why, size, "%s: wants %s", key, w->want);
		return why;
	}
	snprintf(why, size, "%s: unknown", key);
	return why;
}

/* Even shares, of whole MiB or huge pages; the first node has what is left over too. */
static void
share_out(struct memory_options *o)
{
	uint64_t share = align_down(o->size / o->nodes, o->huge ? o->huge : 1 << 20);

	for (unsigned i = 0; i < o->nodes; i++)
		o->node_size[i] = i ? share : o->size - (o->nodes - 1) * share;
}

static const char *
check_nodes(struct memory_options *o)
{
	uint64_t sum = 0;

	if (!o->node_size[0])
		share_out(o);
	for (unsigned i = 0; i < o->nodes; i++) {
		if (!o->node_size[i])
			return "nodes: more than the memory is enough for";
		if (o->huge && o->node_size[i] % o->huge)
			return "nodes: not whole huge pages each";
		sum += o->node_size[i];
	}
	return sum == o->size ? NULL : "nodes: together they are not the memory's size";
}

/* What one word alone cannot tell. */
static const char *
check(struct memory_options *o)
{
	if (o->huge && (o->size | o->max) % o->huge)
		return "huge: the size is not whole huge pages";
	if (o->hosts && o->hosts != o->nodes)
		return "host: one node of the host for each of the guest's";
	if (o->max && o->max <= o->size)
		return "max: not above the size";
	if (o->max && (o->size | o->max) % (2ULL << 20))
		return "max: it and the size are not whole blocks of 2 MiB";
	if (o->merge && (o->huge || o->share))
		return "merge: only private memory is merged, not huge or shared";
	return o->nodes > 1 ? check_nodes(o) : NULL;
}

const char *
memory_options_parse(struct memory_options *o, const char *text, char *why, size_t size)
{
	char *copy = strdup(text), *rest = copy, *value;
	const char *key, *fault = copy ? NULL : "no memory";

	*o = (struct memory_options)MEMORY_OPTIONS_NONE;
	for (bool first = true; !fault && subopt_next(&rest, &key, &value); first = false) {
		if (!first)
			fault = read_word(o, text + (value ? value - copy : 0), key, value, why, size);
		else if (value || !read_size(key, &o->size))
			fault = "not a size from 1M to 1048576M";
	}
	o->given = true;
	free(copy);
	return fault ? fault : check(o);
}

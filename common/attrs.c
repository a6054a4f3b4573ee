/* SPDX-License-Identifier: ISC */
/* Settings in the kernel; the contracts are in attrs.h. */
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/attrs.h"
#include "common/num.h"

static const struct attr *
find(const struct attr_table *t, const char *word, size_t len)
{
	for (size_t i = 0; i < t->n; i++)
		if (strlen(t->v[i].word) == len && !memcmp(t->v[i].word, word, len))
			return &t->v[i];
	return NULL;
}

static bool
parse_value(const struct attr *t, const char *s, uint32_t *out)
{
	uint64_t v;

	if (t->unit == ATTR_SWITCH && (!strcmp(s, "on") || !strcmp(s, "off")))
		v = !strcmp(s, "on");
	else if (!num_parse(s, t->min, t->max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

const char *
attrs_parse(const struct attr_table *t, struct attrs *a, const char *word)
{
	static char why[64];
	const char *eq = strchr(word, '=');
	const struct attr *one = eq ? find(t, word, (size_t)(eq - word)) : NULL;
	size_t i;

	if (!eq)
		return "not SETTING=VALUE";
	if (!one)
		return "no such setting";
	i = (size_t)(one - t->v);
	if (!parse_value(one, eq + 1, &a->value[i])) {
		if (one->unit == ATTR_SWITCH)
			return "neither on nor off";
		snprintf(why, sizeof(why), "not a number from %u to %u", one->min, one->max);
		return why;
	}
	a->given |= 1U << i;
	return NULL;
}

/* The place of one that there is. */
static size_t
place(const struct attr_table *t, const char *word)
{
	return (size_t)(find(t, word, strlen(word)) - t->v);
}

bool
attrs_given(const struct attr_table *t, const struct attrs *a, const char *word)
{
	return a->given & 1U << place(t, word);
}

uint32_t
attrs_value(const struct attr_table *t, const struct attrs *a, const char *word)
{
	return attrs_given(t, a, word) ? a->value[place(t, word)] : 0;
}

void
attrs_default(const struct attr_table *t, struct attrs *a, const char *word, uint32_t value)
{
	if (attrs_given(t, a, word))
		return;
	a->given |= 1U << place(t, word);
	a->value[place(t, word)] = value;
}

static uint32_t
ticks(void)
{
	return (uint32_t)sysconf(_SC_CLK_TCK);
}

void
attrs_read(const struct attr_table *t, struct attrs *a, struct nlattr *nest)
{
	*a = (struct attrs){0};
	for (size_t i = 0; i < t->n; i++) {
		const struct attr *one = &t->v[i];
		struct nlattr *found = nla_find(nla_data(nest), nla_len(nest), one->type);
		uint32_t v = 0;

		if (!found || nla_len(found) < one->size)
			continue;
		memcpy(&v, nla_data(found), one->size); /* little-endian machines, as all that run KVM guests here */
		a->value[i] = one->unit == ATTR_SECONDS ? v / ticks() : v;
		a->given |= 1U << i;
	}
}

void
attrs_put(const struct attr_table *t, const struct attrs *a, struct nl_msg *m)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct attr *one = &t->v[i];
		uint32_t v = one->unit == ATTR_SECONDS ? a->value[i] * ticks() : a->value[i];

		if (a->given & 1U << i)
			nla_put(m, one->type, one->size, &v);
	}
}

static const char *
format(const struct attr *t, uint32_t v, char buf[16])
{
	if (t->unit == ATTR_SWITCH)
		return v ? "on" : "off";
	snprintf(buf, 16, "%u", v);
	return buf;
}

bool
attrs_differ(const struct attr_table *t, const struct attrs *want, const struct attrs *have, char *why, size_t size)
{
	char is[16], wanted[16];

	for (size_t i = 0; i < t->n; i++) {
		const struct attr *one = &t->v[i];

		if (!(want->given & 1U << i))
			continue;
		if (!(have->given & 1U << i)) {
			snprintf(why, size, "this kernel has no %s", one->word);
			return true;
		}
		if (have->value[i] == want->value[i])
			continue;
		snprintf(why, size, "%s is %s, not %s", one->word, format(one, have->value[i], is),
		    format(one, want->value[i], wanted));
		return true;
	}
	return false;
}

void
attrs_each(const struct attr_table *t, const struct attrs *a, void (*fn)(const char *key, const char *value, void *arg), void *arg)
{
	char buf[16];

	for (size_t i = 0; i < t->n; i++)
		if (a->given & 1U << i)
			fn(t->v[i].word, format(&t->v[i], a->value[i], buf), arg);
}

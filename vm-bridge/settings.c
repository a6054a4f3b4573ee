/* SPDX-License-Identifier: ISC */
/* The settings of a bridge; the contracts are in settings.h. */
#include <linux/if_link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/num.h"
#include "common/util.h"
#include "vm-bridge/settings.h"

enum unit {
	SWITCH, /* on or off */
	NUMBER,
	SECONDS, /* which the kernel counts in USER_HZ */
};

/* The ranges are the kernel's; of those that depend on stp (forward-delay is 2 to 30 with it) the kernel has the last word. */
static const struct setting {
	const char *word;
	int attr;
	uint8_t size; /* of the attribute */
	enum unit unit;
	uint32_t min, max;
} table[] = {
    {"stp", IFLA_BR_STP_STATE, 4, SWITCH, 0, 1},
    {"forward-delay", IFLA_BR_FORWARD_DELAY, 4, SECONDS, 0, 30},
    {"hello", IFLA_BR_HELLO_TIME, 4, SECONDS, 1, 10},
    {"max-age", IFLA_BR_MAX_AGE, 4, SECONDS, 6, 40},
    {"ageing", IFLA_BR_AGEING_TIME, 4, SECONDS, 0, 1000000},
    {"priority", IFLA_BR_PRIORITY, 2, NUMBER, 0, UINT16_MAX},
    {"snooping", IFLA_BR_MCAST_SNOOPING, 1, SWITCH, 0, 1},
    {"querier", IFLA_BR_MCAST_QUERIER, 1, SWITCH, 0, 1},
    {"vlan", IFLA_BR_VLAN_FILTERING, 1, SWITCH, 0, 1},
    {"pvid", IFLA_BR_VLAN_DEFAULT_PVID, 2, NUMBER, 0, 4094},
    {"group-fwd-mask", IFLA_BR_GROUP_FWD_MASK, 2, NUMBER, 0, 0xfff8},
};
_Static_assert(ARRAY_LEN(table) <= SETTINGS_MAX, "settings");

static const struct setting *
find(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (strlen(table[i].word) == len && !memcmp(table[i].word, word, len))
			return &table[i];
	return NULL;
}

static bool
parse_value(const struct setting *t, const char *s, uint32_t *out)
{
	uint64_t v;

	if (t->unit == SWITCH && (!strcmp(s, "on") || !strcmp(s, "off")))
		v = !strcmp(s, "on");
	else if (!num_parse(s, t->min, t->max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

const char *
settings_parse(struct settings *s, const char *word)
{
	static char why[64];
	const char *eq = strchr(word, '=');
	const struct setting *t = eq ? find(word, (size_t)(eq - word)) : NULL;
	size_t i;

	if (!eq)
		return "not SETTING=VALUE";
	if (!t)
		return "no such setting";
	i = (size_t)(t - table);
	if (!parse_value(t, eq + 1, &s->value[i])) {
		if (t->unit == SWITCH)
			return "neither on nor off";
		snprintf(why, sizeof(why), "not a number from %u to %u", t->min, t->max);
		return why;
	}
	s->given |= 1U << i;
	return NULL;
}

static void
set_default(struct settings *s, const char *word, uint32_t value)
{
	size_t i = (size_t)(find(word, strlen(word)) - table);

	if (s->given & 1U << i)
		return;
	s->given |= 1U << i;
	s->value[i] = value;
}

void
settings_default(struct settings *s)
{
	set_default(s, "stp", 0);
	if (!s->value[0])
		set_default(s, "forward-delay", 0);
}

static uint32_t
ticks(void)
{
	return (uint32_t)sysconf(_SC_CLK_TCK);
}

void
settings_read(struct settings *s, struct nlattr *data)
{
	struct nlattr *a[IFLA_BR_MAX + 1];

	*s = (struct settings){ 0 };
	if (nla_parse_nested(a, IFLA_BR_MAX, data, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct setting *t = &table[i];
		uint32_t v = 0;

		if (!a[t->attr] || nla_len(a[t->attr]) < t->size)
			continue;
		memcpy(&v, nla_data(a[t->attr]), t->size); /* little-endian machines, as all that run KVM guests here */
		s->value[i] = t->unit == SECONDS ? v / ticks() : v;
		s->given |= 1U << i;
	}
}

void
settings_put(struct nl_msg *m, const struct settings *s)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct setting *t = &table[i];
		uint32_t v = t->unit == SECONDS ? s->value[i] * ticks() : s->value[i];

		if (s->given & 1U << i)
			nla_put(m, t->attr, t->size, &v);
	}
}

bool
settings_need_vlan(const struct settings *s)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (s->given & 1U << i && (table[i].attr == IFLA_BR_VLAN_FILTERING || table[i].attr == IFLA_BR_VLAN_DEFAULT_PVID))
			return true;
	return false;
}

static const char *
format(const struct setting *t, uint32_t v, char buf[16])
{
	if (t->unit == SWITCH)
		return v ? "on" : "off";
	snprintf(buf, 16, "%u", v);
	return buf;
}

bool
settings_differ(const struct settings *want, const struct settings *have, char *why, size_t size)
{
	char is[16], wanted[16];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct setting *t = &table[i];

		if (!(want->given & 1U << i))
			continue;
		if (!(have->given & 1U << i)) {
			snprintf(why, size, "this kernel has no %s", t->word);
			return true;
		}
		if (have->value[i] == want->value[i])
			continue;
		snprintf(why, size, "%s is %s, not %s", t->word, format(t, have->value[i], is), format(t, want->value[i], wanted));
		return true;
	}
	return false;
}

void
settings_each(const struct settings *s, void (*fn)(const char *key, const char *value, void *arg), void *arg)
{
	char buf[16];

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (s->given & 1U << i)
			fn(table[i].word, format(&table[i], s->value[i], buf), arg);
}

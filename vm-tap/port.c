/* SPDX-License-Identifier: ISC */
/* The settings of a bridge's port; the contracts are in port.h. */
#include <linux/if_link.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "common/num.h"
#include "common/util.h"
#include "vm-tap/port.h"

/* The words are those of bridge(8). */
static const struct setting {
	const char *word;
	int attr;
	uint8_t size; /* of the attribute; 1 is a switch */
	uint32_t min, max;
} table[] = {
    {"isolated", IFLA_BRPORT_ISOLATED, 1, 0, 1},
    {"hairpin", IFLA_BRPORT_MODE, 1, 0, 1},
    {"learning", IFLA_BRPORT_LEARNING, 1, 0, 1},
    {"flood", IFLA_BRPORT_UNICAST_FLOOD, 1, 0, 1},
    {"mcast_flood", IFLA_BRPORT_MCAST_FLOOD, 1, 0, 1},
    {"bcast_flood", IFLA_BRPORT_BCAST_FLOOD, 1, 0, 1},
    {"guard", IFLA_BRPORT_GUARD, 1, 0, 1},
    {"root_block", IFLA_BRPORT_PROTECT, 1, 0, 1},
    {"fastleave", IFLA_BRPORT_FAST_LEAVE, 1, 0, 1},
    {"neigh_suppress", IFLA_BRPORT_NEIGH_SUPPRESS, 1, 0, 1},
    {"cost", IFLA_BRPORT_COST, 4, 1, 65535},
    {"priority", IFLA_BRPORT_PRIORITY, 2, 0, 63},
};
_Static_assert(ARRAY_LEN(table) == PORT_SETTINGS, "settings of a port");

static bool
parse_value(const struct setting *t, const char *s, uint32_t *out)
{
	uint64_t v;

	if (t->size == 1 && (!strcmp(s, "on") || !strcmp(s, "off")))
		v = !strcmp(s, "on");
	else if (t->size == 1 || !num_parse(s, t->min, t->max, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

int
port_parse(struct port *p, const char *word, const char **why)
{
	static char range[64];
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct setting *t = &table[i];

		if (strlen(t->word) != len || strncmp(t->word, word, len))
			continue;
		p->given |= 1U << i;
		if (parse_value(t, word[len] ? word + len + 1 : "on", &p->value[i]))
			return 1;
		snprintf(range, sizeof(range), "not a number from %u to %u", t->min, t->max);
		*why = t->size == 1 ? "neither on nor off" : range;
		return -1;
	}
	return 0;
}

void
port_read(struct port *p, struct nlattr *data)
{
	struct nlattr *a[IFLA_BRPORT_MAX + 1];

	*p = (struct port){0};
	if (nla_parse_nested(a, IFLA_BRPORT_MAX, data, NULL) < 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct setting *t = &table[i];

		if (!a[t->attr] || nla_len(a[t->attr]) < t->size)
			continue;
		memcpy(&p->value[i], nla_data(a[t->attr]), t->size); /* low byte first, as on all that run KVM guests here */
		p->given |= 1U << i;
	}
}

void
port_put(struct nl_msg *m, const struct port *p)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (p->given & 1U << i)
			nla_put(m, table[i].attr, table[i].size, &p->value[i]);
}

static const char *
format(const struct setting *t, uint32_t v, char buf[16])
{
	if (t->size == 1)
		return v ? "on" : "off";
	snprintf(buf, 16, "%u", v);
	return buf;
}

bool
port_differ(const struct port *want, const struct port *have, char *why, size_t size)
{
	char is[16], wanted[16];

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct setting *t = &table[i];

		if (!(want->given & 1U << i) || (have->given & 1U << i && have->value[i] == want->value[i]))
			continue;
		if (have->given & 1U << i)
			snprintf(why, size, "%s is %s, not %s", t->word, format(t, have->value[i], is),
			    format(t, want->value[i], wanted));
		else
			snprintf(why, size, "this kernel has no %s", t->word);
		return true;
	}
	return false;
}

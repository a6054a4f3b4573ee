/* SPDX-License-Identifier: ISC */
/* Settings of the kernel; the contracts are in settings.h. */
#include <netinet/in.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"
#include "vm-nat/knob.h"
#include "vm-nat/plan.h"
#include "vm-nat/settings.h"

#define KEY_MAX 64
#define TAGGED "tagged rules"
#define BRIDGED "bridged packets"

static int
was(const struct setting *s)
{
	const char *value = strchr(s->text, '=');
	uint64_t v = 0;

	return value && num_parse(value + 1, 0, 9, &v) ? (int)v : 0;
}

static bool
has(const struct settings *s, const char *key)
{
	char name[COMMENT_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(key, "="), key);
	for (size_t i = 0; i < s->n; i++)
		if (knob_is(s->v[i].text, name))
			return true;
	return false;
}

static void
remember(struct settings *s, const char *text)
{
	if (has(s, text))
		return;
	if (s->n == SETTINGS_MAX)
		die("more than %d settings of the kernel to put back", SETTINGS_MAX);
	snprintf(s->v[s->n++].text, sizeof(s->v[0].text), "%s", text);
}

static void
remember_value(struct settings *s, const char *key, int value)
{
	char text[KEY_MAX + 12];

	snprintf(text, sizeof(text), "%.63s=%d", key, value);
	remember(s, text);
}

/* Takes over what tables of ours remember of settings whose names begin and end so. */
static void
inherit(struct settings *s, const struct ruleset *rs, const char *begin, const char *end)
{
	for (size_t i = 0; i < rs->n; i++)
		for (size_t j = 0; j < rs->tables[i].n; j++) {
			const struct found_rule *r = &rs->tables[i].rules[j];

			if (!strcmp(r->chain, UNDO_CHAIN) && !strncmp(r->comment, begin, strlen(begin)) && knob_ends_in(r->comment, end))
				remember(s, r->comment);
		}
}

/* True when it is to be changed, and nobody has remembered it: what somebody is just changing is not to be looked at. */
static bool
need(struct settings *s, const char *key)
{
	int now;

	if (has(s, key))
		return false;
	now = knob_get(key);
	if (now < 0)
		die_sys("%s", knob_path(key));
	if (now == knob_want(key))
		return false;
	remember_value(s, key, now);
	return true;
}

static const char *
interface_key(char key[KEY_MAX], const char *family, const char *name, const char *setting)
{
	snprintf(key, KEY_MAX, "%s/conf/%.15s/%s", family, name, setting);
	return key;
}

/* Writing the setting of all interfaces overwrites those that had one of their own: forwarding, though others do not. */
static void
remember_interfaces(struct settings *s, const char *family)
{
	char key[KEY_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(key, sizeof(key), KNOB_ROOT "%s/conf", family);
	d = opendir(key);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, "all") || strlen(e->d_name) >= IFNAMSIZ)
			continue;
		if (knob_get(interface_key(key, family, e->d_name, "forwarding")) == 1)
			remember_value(s, key, 1);
	}
	if (d)
		closedir(d);
}

static void
plan4(struct settings *s, const struct network *n, const struct ruleset *rs)
{
	char key[KEY_MAX];

	inherit(s, rs, "ipv4/", "forward");
	inherit(s, rs, "ipv4/", "/forwarding");
	/* Where it is known whence packets come and whither they go, those two interfaces are enough. */
	if (n->bridge && n->via) {
		need(s, interface_key(key, "ipv4", n->bridge, "forwarding"));
		need(s, interface_key(key, "ipv4", n->via, "forwarding"));
	} else if (need(s, KNOB_FORWARD4)) {
		remember_interfaces(s, "ipv4");
	} else if (n->bridge) {
		/* This one may have been left out. */
		need(s, interface_key(key, "ipv4", n->bridge, "forwarding"));
	}
}

/* An interface whose routes come from a router's advertisements. */
static int
take_route(struct nlmsghdr *h, void *arg)
{
	struct rtmsg *r = nlmsg_data(h);
	struct nlattr *oif = nlmsg_find_attr(h, sizeof(*r), RTA_OIF);
	struct settings *s = arg;
	char name[IFNAMSIZ], key[KEY_MAX];

	if (h->nlmsg_type != RTM_NEWROUTE || r->rtm_protocol != RTPROT_RA || !oif || !if_indextoname(nla_get_u32(oif), name))
		return 0;
	if (knob_get(interface_key(key, "ipv6", name, "accept_ra")) == 1)
		remember_value(s, key, 1);
	return 0;
}

/*
 * IPv6 forwards on all interfaces or on none. A host that does so hears no router any more, and forgets what it has heard,
 * its default route included, unless it is told to go on (ip-sysctl.rst, accept_ra).
 */
static void
plan6(struct settings *s, const struct ruleset *rs, struct netlink *route)
{
	const struct rtmsg all = { .rtm_family = AF_INET6 };

	inherit(s, rs, "ipv6/", "/forwarding");
	inherit(s, rs, "ipv6/", "/accept_ra");
	if (!need(s, KNOB_FORWARD6))
		return;
	remember_interfaces(s, "ipv6");
	if (netlink_ask(route, RTM_GETROUTE, NLM_F_DUMP, &all, sizeof(all), take_route, s))
		die("routes: %s", route->why);
}

static bool
is_bridged(const struct found_table *t)
{
	struct settings s;

	settings_read(&s, t);
	return s.bridged;
}

/*
 * br_netfilter shows a packet to our rules while it is still in the bridge, which then sends what is forwarded back to the
 * guest that it came from out of no port but a hairpin one. Where nobody needs that, it is not to do so.
 */
static void
plan_bridge(struct settings *s, const struct network *n, const struct ruleset *rs)
{
	inherit(s, rs, "bridge/", "tables");
	for (size_t i = 0; i < rs->n; i++)
		if (is_bridged(&rs->tables[i]))
			return;
	if (network_forwards(n, AF_INET) && knob_get(KNOB_BRIDGE_NF4) == 1)
		need(s, KNOB_BRIDGE_NF4);
	if (network_forwards(n, AF_INET6) && knob_get(KNOB_BRIDGE_NF6) == 1)
		need(s, KNOB_BRIDGE_NF6);
}

void
settings_plan(struct settings *s, const struct network *n, const struct ruleset *rs, struct netlink *route, bool alone)
{
	char key[KEY_MAX];

	*s = (struct settings){ .bridged = n->separate };
	if (n->bridge && n->nforwards && !n->separate && alone)
		plan_bridge(s, n, rs);
	if (network_has(n, AF_INET) && (!n->restricted || network_forwards(n, AF_INET)))
		plan4(s, n, rs);
	if (network_has(n, AF_INET6) && (!n->restricted || network_forwards(n, AF_INET6)))
		plan6(s, rs, route);
	if (n->bridge && network_forwards_loopback(n)) {
		inherit(s, rs, interface_key(key, "ipv4", n->bridge, "route_localnet"), "");
		need(s, key);
	}
}

void
settings_read(struct settings *s, const struct found_table *t)
{
	s->n = 0;
	s->bridged = s->tagged = false;
	for (size_t i = 0; t && i < t->n; i++) {
		const char *text = t->rules[i].comment;

		if (strcmp(t->rules[i].chain, UNDO_CHAIN))
			continue;
		if (!strcmp(text, TAGGED))
			s->tagged = true;
		else if (!strcmp(text, BRIDGED))
			s->bridged = true;
		else
			remember(s, text);
	}
}

static void
record(struct chain *c, const char *text)
{
	const struct expr nothing = { .kind = EXPR_VERDICT, .number = NFT_CONTINUE };

	RULE(c, nothing, (struct expr){ .kind = EXPR_COMMENT, .text = text });
}

void
settings_record(const struct settings *s, struct table *t)
{
	struct chain *c;

	if (!settings_any(s))
		return;
	c = table_chain(t, UNDO_CHAIN, NULL, 0, 0);
	for (size_t i = 0; i < s->n; i++)
		record(c, s->v[i].text);
	if (s->bridged)
		record(c, BRIDGED);
	if (s->tagged)
		record(c, TAGGED);
}

bool
settings_any(const struct settings *s)
{
	return s->n || s->bridged || s->tagged;
}

bool
settings_can(const struct settings *s, const char **path)
{
	for (size_t i = 0; i < s->n; i++) {
		const char *text = s->v[i].text;

		*path = knob_path(text);
		if (knob_get(text) != knob_want(text) && access(*path, W_OK) < 0)
			return false;
	}
	return true;
}

/* That of all interfaces comes last, so that none is without its router meanwhile. */
bool
settings_apply(const struct settings *s, const char **path)
{
	for (int all = 0; all <= 1; all++)
		for (size_t i = 0; i < s->n; i++)
			if (knob_of_all(s->v[i].text) == all && !knob_set(s->v[i].text, knob_want(s->v[i].text))) {
				*path = knob_path(s->v[i].text);
				return false;
			}
	return true;
}

bool
settings_cover(const struct settings *s, const struct settings *old)
{
	for (size_t i = 0; i < old->n; i++)
		if (!has(s, old->v[i].text))
			return false;
	return true;
}

static bool
needed_by_others(const char *text, const struct ruleset *rs, const struct found_table *own)
{
	struct settings others;

	for (size_t i = 0; i < rs->n; i++) {
		if (&rs->tables[i] == own)
			continue;
		settings_read(&others, &rs->tables[i]);
		if (has(&others, text))
			return true;
	}
	return false;
}

/* That of all interfaces comes first, since it overwrites the others. What is gone, an interface say, needs no putting back. */
void
settings_restore(const struct settings *s, const struct ruleset *rs, const struct found_table *own)
{
	for (int all = 1; all >= 0; all--)
		for (size_t i = 0; i < s->n; i++) {
			const char *text = s->v[i].text;

			if (knob_of_all(text) != all)
				continue;
			if (!knob_set(text, needed_by_others(text, rs, own) ? knob_want(text) : was(&s->v[i])) && errno != ENOENT)
				warn_sys("%s", knob_path(text));
		}
}

void
settings_print(FILE *f, const struct settings *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (knob_get(s->v[i].text) != knob_want(s->v[i].text))
			fprintf(f, "# sysctl -w net/%.*s=%d\n", (int)strcspn(s->v[i].text, "="), s->v[i].text, knob_want(s->v[i].text));
}

/* SPDX-License-Identifier: ISC */
/* The command line; the contracts are in options.h. */
#include <linux/if_link.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/iface.h"
#include "common/link.h"
#include "common/num.h"
#include "common/user.h"
#include "common/util.h"
#include "vm-tap/options.h"

static const char usage[] =
    "usage: vm-tap [options] program [argument ...]\n"
    "       vm-tap [options] -S socket\n"
    "       vm-tap add [options] [name]\n"
    "       vm-tap del [-n] [-J netns] name ...\n"
    "       vm-tap list [-j] [-J netns]\n"
    "tap:     [-a address] [-J netns] [-Q queues] [-u mtu] [-y name]\n"
    "bridge:  [-b bridge] [-O setting]\n"
    "macvtap: [-Y device]\n"
    "process: [-nqv] [-U user]\n";

#define OPTSTRING "+:a:b:J:jnO:Q:qS:U:u:vY:y:"

static const struct word {
	const char *word;
	uint32_t value;
} modes[] = {
    {"bridge", MACVLAN_MODE_BRIDGE},
    {"private", MACVLAN_MODE_PRIVATE},
    {"vepa", MACVLAN_MODE_VEPA},
    {"passthru", MACVLAN_MODE_PASSTHRU},
};

static const char *
set_mode(struct options *o, const char *value)
{
	for (size_t i = 0; i < ARRAY_LEN(modes); i++)
		if (!strcmp(modes[i].word, value)) {
			o->want.mode = modes[i].value;
			return NULL;
		}
	return "not bridge, private, vepa or passthru";
}

static const char *
set_switch(bool *out, const char *value, bool on)
{
	if (strcmp(value, "on") && strcmp(value, "off"))
		return "neither on nor off";
	*out = !strcmp(value, "on") == on;
	return NULL;
}

static const char *
set_header(struct options *o, const char *value)
{
	return set_switch(&o->want.plain, value, false);
}

static const char *
set_vhost(struct options *o, const char *value)
{
	return set_switch(&o->vhost, value, true);
}

static const char *
set_sndbuf(struct options *o, const char *value)
{
	uint64_t n;

	if (!size_parse(value, 1, 1, INT_MAX, &n))
		return "not a size from 1 to 2047M";
	o->want.sndbuf = (int)n;
	return NULL;
}

static const char *
set_group(struct options *o, const char *value)
{
	o->want.has_group = true;
	return group_find(value, &o->want.group) ? NULL : "no such group";
}

static const struct setting {
	const char *word;
	const char *(*set)(struct options *o, const char *value); /* NULL, or why not */
} settings[] = {
    {"group", set_group},
    {"mode", set_mode},
    {"sndbuf", set_sndbuf},
    {"vhost", set_vhost},
    {"vnet_hdr", set_header},
};

static const struct setting *
find_setting(const char *word, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (strlen(settings[i].word) == len && !strncmp(settings[i].word, word, len))
			return &settings[i];
	return NULL;
}

/* -O KEY[=VALUE]: what is not of the tap is of the port. */
static void
add_setting(struct options *o, const char *word)
{
	size_t len = strcspn(word, "=");
	const struct setting *s = find_setting(word, len);
	const char *why;
	char full[64];

	if ((size_t)snprintf(full, sizeof(full), "%s%s", word, word[len] ? "" : "=on") >= sizeof(full))
		die_usage("-O %s: no such setting", word);
	why = s ? s->set(o, full + len + 1) : attrs_parse(&port_settings, &o->want.port, full);
	if (why)
		die_usage("-O %s: %s", word, why);
}

static const char *
name_opt(char letter, const char *name)
{
	const char *why = iface_name_fault(name);

	if (why)
		die_usage("-%c %s: %s", letter, name, why);
	return name;
}

static void
set_name(struct want *w, const char *option, const char *name)
{
	const char *why = iface_pattern_fault(name);

	if (why)
		die_usage("%s%s: %s", option, name, why);
	w->name = name;
}

static void
set_user(struct options *o, const char *word)
{
	struct user u;

	if (!user_find(word, &u))
		die_usage("-U %s: no such user", word);
	o->user = word;
	o->want.owner = u.uid;
}

static void
set_mac(struct want *w, const char *word)
{
	if (!mac_parse(word, w->mac))
		die_usage("-a %s: not the MAC address of a station", word);
	w->has_mac = true;
}

static void
set_option(struct options *o, int c, char *word)
{
	switch (c) {
	case 'a': set_mac(&o->want, word); break;
	case 'b': o->want.bridge = name_opt('b', word); break;
	case 'J': o->netns = word; break;
	case 'j': o->json = true; break;
	case 'n': o->check = true; break;
	case 'O': add_setting(o, word); break;
	case 'Q': o->want.queues = (unsigned)num_opt('Q', word, 1, WIRE_FDS_MAX); break;
	case 'q': diag_verbose = -1; break;
	case 'S': o->send_to = word; break;
	case 'U': set_user(o, word); break;
	case 'u': o->want.mtu = (unsigned)num_opt('u', word, 68, TAP_MTU_MAX); break;
	case 'v': diag_verbose++; break;
	case 'Y': o->want.lower = name_opt('Y', word); break;
	case 'y': set_name(&o->want, "-y ", word); break;
	case ':': die_usage("-%c: an argument is missing", optopt);
	default: die_usage("-%c: no such option (try --help)", optopt);
	}
}

static void
parse_options(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, OPTSTRING)) != -1)
		set_option(o, c, optarg);
	o->rest = argv + optind;
}

static bool
is_verb(struct options *o, const char *word)
{
	static const char *const verbs[] = {[MODE_ADD] = "add", [MODE_DEL] = "del", [MODE_LIST] = "list"};

	for (enum mode m = MODE_ADD; word && m <= MODE_LIST; m++)
		if (!strcmp(word, verbs[m])) {
			o->mode = m;
			return true;
		}
	return false;
}

static void
check(const struct options *o)
{
	if (o->want.port.given && !o->want.bridge)
		die_usage("-O: the setting of a port, but no -b");
	if (o->want.has_group && o->mode != MODE_ADD)
		die_usage("-O group: only with add");
	if (o->want.lower && o->want.bridge)
		die_usage("-b and -Y exclude each other");
	if (o->mode == MODE_SEND && o->want.lower)
		die_usage("-S and -Y exclude each other: a machine that runs has nothing to hold on to it");
	if (o->mode == MODE_SEND && o->vhost)
		die_usage("-S and -O vhost exclude each other");
}

void
options_parse(struct options *o, int argc, char **argv)
{
	diag_long_options(argc, argv, usage);
	*o = (struct options){.want = {.queues = 1, .mode = MACVLAN_MODE_BRIDGE}};
	parse_options(o, argc, argv);
	if (is_verb(o, *o->rest)) {
		optind++;
		parse_options(o, argc, argv);
	} else {
		o->mode = o->send_to ? MODE_SEND : MODE_LOADER;
	}
	check(o);
	o->want.has_owner = o->user && o->mode == MODE_ADD;
	switch (o->mode) {
	case MODE_LOADER:
		if (!*o->rest)
			die_usage("no program, no -S and no verb (try --help)");
		break;
	case MODE_ADD:
		if (o->want.lower && (o->user || o->want.has_group))
			die_usage("-Y: a macvtap has no owner: who may open it is up to its /dev/tapN");
		if (*o->rest)
			set_name(&o->want, "", *o->rest++);
		break;
	case MODE_DEL:
		if (!*o->rest)
			die_usage("del: no name");
		return;
	default: break;
	}
	if (o->mode != MODE_LOADER && *o->rest)
		die_usage("%s: one word too many", *o->rest);
}

/* SPDX-License-Identifier: ISC */
/* The command line; the contracts are in options.h. */
#include <linux/if.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/iface.h"
#include "common/num.h"
#include "vm-bridge/ifaddr.h"
#include "vm-bridge/options.h"

#define STATE_DIR "/run/vm/vm-bridge"
#define UNDO_SECONDS 30

static void
check(char letter, const char *word, const char *why)
{
	if (why)
		die_usage("-%c %s: %s", letter, word, why);
}

static void
add_address(struct options *o, const char *word)
{
	struct prefix *a = &o->addresses[o->naddresses];

	if (o->naddresses == ADDRESSES_MAX)
		die_usage("-a %s: more than %d addresses", word, ADDRESSES_MAX);
	check('a', word, ifaddr_parse(a, word));
	for (size_t i = 0; i < o->naddresses; i++)
		if (o->addresses[i].family == a->family && !memcmp(o->addresses[i].addr, a->addr, sizeof(a->addr)))
			die_usage("-a %s: given twice", word);
	o->naddresses++;
}

static void
add_vxlan(struct options *o, const char *word)
{
	if (o->nvxlans == VXLANS_MAX)
		die_usage("-O %s: more than %d tunnels", word, VXLANS_MAX);
	check('O', word, vxlan_parse(&o->vxlans[o->nvxlans], word + strlen("vxlan=")));
	for (size_t i = 0; i < o->nvxlans; i++)
		if (o->vxlans[i].id == o->vxlans[o->nvxlans].id)
			die_usage("-O %s: a second tunnel of that number", word);
	o->nvxlans++;
}

static void
add_setting(struct options *o, const char *word)
{
	uint64_t mtu;

	if (!strncmp(word, "mac=", 4)) {
		o->mac_word = word + 4;
	} else if (!strncmp(word, "mtu=", 4)) {
		if (!num_parse(word + 4, 68, 65535, &mtu))
			die_usage("-O %s: not a number from 68 to 65535", word);
		o->mtu = (uint32_t)mtu;
	} else if (!strncmp(word, "vxlan=", 6)) {
		add_vxlan(o, word);
	} else {
		check('O', word, attrs_parse(&bridge_settings, &o->settings, word));
	}
}

static void
take(struct options *o, int c, char *word)
{
	switch (c) {
	case 'a': add_address(o, word); break;
	case 'b': o->bridge = word; break;
	case 'd': o->dir = word; break;
	case 'f': o->force = true; break;
	case 'j': o->json = true; break;
	case 'n': o->check = true; break;
	case 'O': add_setting(o, word); break;
	case 'q': diag_verbose = -1; break;
	case 'R': o->ready_fd = (int)num_opt('R', word, 0, 1 << 20); break;
	case 't': o->seconds = (unsigned)num_opt('t', word, 1, 3600); break;
	case 'U': o->user = word; break;
	case 'v': diag_verbose++; break;
	case ':': die_usage("-%c: an argument is missing", optopt);
	default: die_usage("-%c: no such option here (try --help)", optopt);
	}
}

void
options_parse(struct options *o, int argc, char **argv, const char *letters)
{
	const char *why;
	int c;

	*o = (struct options){ .dir = STATE_DIR, .ready_fd = -1, .seconds = UNDO_SECONDS };
	while ((c = getopt(argc, argv, letters)) != -1)
		take(o, c, optarg);
	o->operands = argv + optind;
	if (!o->bridge && !strchr(letters, 'b'))
		o->bridge = *o->operands ? *o->operands++ : NULL;
	if (!o->bridge)
		die_usage("no bridge is named (try --help)");
	why = iface_name_fault(o->bridge);
	if (why)
		die_usage("%s: %s", o->bridge, why);
	if (o->ready_fd >= 0 && !fd_set_cloexec(o->ready_fd, true))
		die_usage("-R %d: not an open descriptor", o->ready_fd);
}

void
options_end(const struct options *o)
{
	if (*o->operands)
		die_usage("%s: one operand too many (try --help)", *o->operands);
}

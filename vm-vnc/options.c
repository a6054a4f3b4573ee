/* SPDX-License-Identifier: ISC */
/* The command line; the contracts are in options.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "common/util.h"
#include "common/wire.h"
#include "vm-vnc/front.h"
#include "vm-vnc/hub_dev.h"
#include "vm-vnc/options.h"

static const char usage[] =
	"usage: vm-vnc [options] program [argument ...]\n"
	"       vm-vnc [options] -S socket\n"
	"       vm-vnc [options] -w fb,fd=N\n"
	"       vm-vnc [-G file] [-X] [-C path] [-w fb,fd=N]\n"
	"viewers: [-a address[/length]] [-d dir] [-l address] [-O setting] [-W address]\n"
	"control: [-C path] [-I name] [-n] [-q] [-R fd] [-U user] [-v]\n";

#define OPTSTRING "+:a:C:d:G:I:l:nO:qR:S:U:vW:w:X"

static const char *const shares[] = {[SHARE_ASK] = "ask", [SHARE_ALWAYS] = "always", [SHARE_FIRST] = "first", [SHARE_NEWEST] = "newest"};

static void
set_share(struct options *o, const char *word)
{
	for (size_t i = 0; i < ARRAY_LEN(shares); i++)
		if (!strcmp(word, shares[i])) {
			o->share = (enum share)i;
			return;
		}
	die_usage("-O share=%s: not one of ask, always, first, newest", word);
}

static unsigned
number(const char *word, const char *value, unsigned max)
{
	uint64_t n;

	if (!num_parse(value, 1, max, &n))
		die_usage("-O %s: not a number from 1 to %u", word, max);
	return (unsigned)n;
}

/* False when it is not one of ours: the front has others. */
static bool
setting(struct options *o, const char *word)
{
	const char *value = strchr(word, '=');

	if (!strcmp(word, "view-only"))
		o->view_only = true;
	else if (value && !strncmp(word, "share=", 6))
		set_share(o, value + 1);
	else if (value && !strncmp(word, "viewers=", 8))
		o->viewers = number(word, value + 1, MEMBERS_MAX - 8);
	else if (value && !strncmp(word, "rate=", 5))
		o->rate = number(word, value + 1, 1000);
	else
		return false;
	return true;
}

static void
option(struct options *o, struct wires *ws, int c, char *word)
{
	if ((c == 'O' && setting(o, word)) || (c != ':' && c != '?' && front_option(c, word)))
		return;
	switch (c) {
	case 'C': o->control = word; break;
	case 'G': o->picture = word; break;
	case 'I': o->name = word; break;
	case 'n': o->check = true; break;
	case 'q': diag_verbose = -1; break;
	case 'R': o->ready_fd = (int)num_opt('R', word, 0, 1 << 20); break;
	case 'S': o->send_to = word; break;
	case 'U': o->user = word; break;
	case 'v': diag_verbose++; break;
	case 'w': wires_add_option(ws, word); break;
	case 'X': o->terminal = true; break;
	case ':': die_usage("-%c: an argument is missing", optopt);
	default: die_usage("-%c: no such option (try --help)", optopt);
	}
}

/* The descriptor of the one fb wire there is. */
static int
fb_wire(struct wires *ws)
{
	const struct wire *found = NULL;

	wires_check(ws);
	for (size_t i = 0; i < ws->n; i++) {
		if (ws->v[i].kind == WIRE_FB && found)
			die_usage("%s and %s: one screen at a time", found->id, ws->v[i].id);
		if (ws->v[i].kind == WIRE_FB)
			found = &ws->v[i];
	}
	if (ws->faults)
		exit(2);
	return found ? found->fds[0] : -1;
}

static void
choose_mode(struct options *o, struct wires *ws, char **rest)
{
	bool looks = o->picture || o->terminal;

	if (o->picture && o->terminal)
		die_usage("-G and -X exclude each other");
	if (!!*rest + !!o->send_to + (ws->n || ws->faults) + looks > 1 && !(looks && ws->n == 1 && !*rest && !o->send_to))
		die_usage("a program, -S, -w, -G and -X exclude each other");
	o->program = rest;
	o->mode = *rest ? MODE_LOADER : o->send_to ? MODE_SEND : o->picture ? MODE_SCREENSHOT : o->terminal ? MODE_TERMINAL : MODE_WIRE;
	if (*rest || o->send_to || (looks && o->control) || (o->check && !ws->n && !getenv("VM_WIRES")))
		return;
	wires_load_env(ws);
	o->wire = fb_wire(ws);
	if (o->wire < 0)
		die_usage("no program, no -S and no fb wire: nothing to show (try --help)");
}

void
options_parse(struct options *o, int argc, char **argv)
{
	static struct wires ws;
	int c;

	diag_long_options(argc, argv, usage);
	*o = (struct options){.ready_fd = -1, .wire = -1, .name = "kvm-utils", .viewers = 16, .rate = 60};
	while ((c = getopt(argc, argv, OPTSTRING)) != -1)
		option(o, &ws, c, optarg);
	if (strlen(o->name) > 64)
		die_usage("-I %s: longer than 64 characters", o->name);
	if (o->ready_fd >= 0 && !fd_set_cloexec(o->ready_fd, true))
		die_usage("-R %d: not an open descriptor", o->ready_fd);
	choose_mode(o, &ws, argv + optind);
}

void
options_print(const struct options *o)
{
	printf("name\t%s\nshare\t%s\nviewers\t%u\nrate\t%u\n", o->name, shares[o->share], o->viewers, o->rate);
	if (o->view_only)
		puts("view-only");
	front_print(stdout);
}

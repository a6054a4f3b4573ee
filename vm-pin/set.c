/* SPDX-License-Identifier: ISC */
/* vm-pin set: all that is asked for, or nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-pin/commands.h"
#include "vm-pin/host.h"
#include "vm-pin/layout.h"
#include "vm-pin/pin.h"
#include "vm-pin/plan.h"
#include "vm-pin/read.h"

/* The words of the command line; "-": those of stdin, which are returned since the places point into them. */
static char *
read_places(struct places *ps, char **words, int root)
{
	char *list = NULL;
	const char *fault;
	struct why w;

	for (; *words; words++) {
		if (strcmp(*words, "-")) {
			fault = place_add(ps, *words, root, &w);
			if (fault)
				die_usage("%s: %s", *words, fault);
			continue;
		}
		if (list)
			die_usage("-: given twice");
		list = read_whole(AT_FDCWD, "/dev/stdin", &(size_t){0});
		if (!list)
			die_sys("stdin");
		fault = place_add_list(ps, list, root, &w);
		if (fault)
			die_usage("stdin: %s", fault);
	}
	return list;
}

static void
lay_out(struct pin *p, bool whole)
{
	const struct guest *g = &p->guest;
	struct host h;
	struct cpus others;
	struct layout l;
	const char *fault;
	struct why w;

	host_read(&h, g->root);
	layout_others(&h, g->root, g, &others);
	layout_begin(&l, &h, &p->places.within.set, &others, whole);
	layout_home(&l, (unsigned)g->nvcpus, layout_memory_node(g));
	fault = layout_places(&l, &p->places, g, &w);
	if (fault)
		die("%s: %s", g->name, fault);
	if (l.shares)
		warn("%s: shares CPUs with other guests: there are not enough for all", g->name);
	host_free(&h);
}

int
cmd_set(int argc, char **argv)
{
	bool automatic = false, check = false, whole = false;
	const char *dir = NULL, *fault;
	struct pin p = {0};
	unsigned faults;
	struct why w;
	char *list;
	int c, root;

	while ((c = next_option(argc, argv, "+:ad:nqvx")) >= 0)
		switch (c) {
		case 'a': automatic = true; break;
		case 'd': dir = optarg; break;
		case 'n': check = true; break;
		default: whole = true;
		}
	argv += optind;
	if (!argv[0] || (!argv[1] && !automatic))
		die_usage("set: which guest, and where to? (try --help)");
	root = host_root("/");
	list = read_places(&p.places, argv + 1, root);
	if (!automatic && (whole || p.places.within.n))
		die_usage("-x and within= are for -a");
	fault = guest_find(&p.guest, root, argv[0], &w);
	if (fault)
		die("%s: %s", argv[0], fault);
	if (automatic)
		lay_out(&p, whole);
	faults = pin_plan(&p);
	read_complete();
	if (!faults && check)
		plan_print(stdout, &p.changes);
	fault = faults || check ? NULL : pin_make(&p, dir, &w);
	if (fault)
		die("%s: %s", argv[0], fault);
	pin_free(&p);
	free(list);
	close(root);
	return faults != 0;
}

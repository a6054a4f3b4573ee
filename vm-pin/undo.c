/* SPDX-License-Identifier: ISC */
/* vm-pin undo: threads as they were before the first set. */
#include <stdio.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-pin/commands.h"
#include "vm-pin/host.h"
#include "vm-pin/plan.h"
#include "vm-pin/read.h"
#include "vm-pin/record.h"

/* What of the record still concerns anybody, with what the guest's threads are called now. */
static void
select_living(struct changes *c, const struct guest *g)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->n; i++)
		for (size_t t = 0; t < g->nthreads; t++) {
			if (g->threads[t].tid != c->v[i].thread.tid)
				continue;
			c->v[kept] = c->v[i];
			c->v[kept].thread = g->threads[t];
			kept += change_same(&c->v[kept], g);
			break;
		}
	c->n = kept;
}

/* What would be done, as set prints it. */
static void
print(struct changes *c, const struct guest *g)
{
	struct cpus online;
	struct why w;
	bool fixed;

	plan_online(g->root, &online);
	for (size_t i = 0; i < c->n; i++) {
		struct change *one = &c->v[i];

		one->cpus = one->cpus_before;
		one->class = one->class_before;
		change_look(one, g, &online, &fixed, &w);
	}
	plan_print(stdout, c);
}

static bool
put_back(struct record *r)
{
	bool good = cpuset_take_back(&r->cpuset);

	for (size_t i = 0; i < r->old.n; i++) {
		struct change *c = &r->old.v[i];

		c->moved = c->moves;
		c->reclassed = c->reclasses;
		good &= change_take_back(c);
	}
	if (good)
		record_delete(r);
	return good;
}

int
cmd_undo(int argc, char **argv)
{
	bool check = false, good = true;
	const char *dir = NULL, *fault;
	struct guest g;
	struct record r;
	struct why w;
	int c, root;

	while ((c = next_option(argc, argv, "+:d:nqv")) >= 0)
		if (c == 'd')
			dir = optarg;
		else
			check = true;
	argv += optind;
	if (!argv[0] || argv[1])
		die_usage("undo: of which guest? (try --help)");
	root = host_root("/");
	fault = guest_find(&g, root, argv[0], &w);
	if (fault)
		die("%s: %s", argv[0], fault);
	read_complete(); /* a thread that was not seen would be forgotten */
	if (record_open(&r, dir, &g, false)) {
		select_living(&r.old, &g);
		if (check)
			print(&r.old, &g);
		else
			good = put_back(&r);
		record_close(&r);
	} else {
		note(1, "%s: nothing to undo", argv[0]);
	}
	guest_free(&g);
	close(root);
	return !good;
}

/* SPDX-License-Identifier: ISC */
/* vm-pin as a loader: places the threads of the guest that the program is, or runs, as they appear. */
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/keeper.h"
#include "common/num.h"
#include "common/seal.h"
#include "common/wire.h"
#include "vm-pin/commands.h"
#include "vm-pin/node.h"
#include "vm-pin/plan.h"
#include "vm-pin/watch.h"

struct load {
	struct watch_guest watch;
	struct host host;
	bool whole, check;
	const char *user;
	char **program;
};

/* Places are the words with a '='; what comes behind them is the program. */
static void
read_words(struct load *l, char **words)
{
	struct places *ps = &l->watch.places;
	const char *fault;
	struct why w;

	for (; *words && strchr(*words, '='); words++) {
		fault = place_add(ps, *words, l->watch.root, &w);
		if (fault)
			die_usage("%s: %s", *words, fault);
	}
	if (ps->cpuset.word)
		die_usage("%s: of a guest that is there: see vm-pin set", ps->cpuset.word);
	if (!l->watch.automatic && (l->whole || ps->within.n))
		die_usage("-x and within= are for -a");
	if (!*words)
		die_usage("no program (try --help)");
	if (!ps->n && !l->watch.automatic && !ps->memory.word)
		die_usage("%s: no verb, and nothing that says what shall run where (try --help)", *words);
	l->program = words;
}

static void
begin_layout(struct load *l)
{
	struct cpus others;

	host_read(&l->host, l->watch.root);
	layout_others(&l->host, l->watch.root, NULL, &others);
	layout_begin(&l->watch.layout, &l->host, &l->watch.places.within.set, &others, l->whole);
	layout_home(&l->watch.layout, 1, HOST_NONE);
}

/* What can be known to fail is not left to the watcher. The union of the vCPUs' CPUs. */
static void
check_places(const struct load *l, struct cpus *sum)
{
	const struct places *ps = &l->watch.places;
	const char *fault;
	struct cpus online;
	struct why w;

	*sum = (struct cpus){0};
	plan_online(l->watch.root, &online);
	for (size_t i = 0; i < ps->n; i++) {
		const struct place *p = &ps->v[i];

		if (!p->has_cpus || p->cpus.any)
			continue;
		fault = plan_check(&p->cpus.set, &online, l->watch.root, &w);
		if (fault)
			die("%s: %s", p->word, fault);
		if (p->rank != PLACE_KIND || p->kind == THREAD_VCPU)
			cpus_or(sum, &p->cpus.set);
	}
}

static void
bind_memory(const struct load *l, const struct cpus *vcpus)
{
	const struct place_sum *memory = &l->watch.places.memory;
	struct cpus nodes = memory->set;
	const char *fault;
	struct why w;

	if (!memory->word)
		return;
	if (memory->of_places) {
		nodes_of(l->watch.root, vcpus, &nodes);
		if (l->watch.automatic && l->watch.layout.home != HOST_NONE)
			cpus_add(&nodes, l->watch.layout.home);
	}
	fault = nodes_check(l->watch.root, &nodes, &w);
	if (!fault && !l->check)
		fault = nodes_bind(&nodes, &w);
	if (fault)
		die("%s: %s", memory->word, fault);
}

/* The order in which -a gives CPUs out, then what was said. */
static void
print(struct load *l)
{
	const struct places *ps = &l->watch.places;
	const char *sep = "vcpus==";
	unsigned cpu;

	while (l->watch.automatic && layout_next(&l->watch.layout, &cpu)) {
		printf("%s%u", sep, cpu);
		sep = ",";
	}
	if (l->watch.automatic)
		putchar('\n');
	for (size_t i = 0; i < ps->n; i++)
		puts(ps->v[i].word);
	flush_stdout();
}

static void
start_watcher(struct load *l)
{
	int dir = open("/proc/self/", O_PATH | O_DIRECTORY | O_CLOEXEC), pipe[2], err;
	char word[32];
	struct stat st;

	if (pipe2(pipe, O_CLOEXEC) < 0)
		die_sys("pipe");
	if (dir < 0)
		die_sys("/proc");
	l->watch.hold = pipe[0];
	l->watch.held = fd_move_high(pipe[1]);
	if (fstat(l->watch.held, &st) < 0)
		die_sys("pipe");
	snprintf(l->watch.wire, sizeof(l->watch.wire), "pipe:[%lu]", (unsigned long)st.st_ino);
	l->watch.program = getpid();
	l->watch.program_dir = dir;
	err = keeper_start("vm-pin", CAP_SYS_NICE, (int[]){l->watch.root, pipe[0], dir, l->watch.ready}, l->watch.ready < 0 ? 3 : 4,
	    watch_guest, &l->watch);
	if (err)
		die("a process that places the guest: %s", strerror(-err));
	close(pipe[0]);
	close(dir);
	if (l->watch.ready >= 0)
		close(l->watch.ready);
	snprintf(word, sizeof(word), "hold,fd=%d", l->watch.held);
	wire_export(word);
}

int
cmd_load(int argc, char **argv)
{
	struct load l = {.watch.ready = -1};
	struct cpus vcpus;
	int c;

	diag_exit = 125;
	while ((c = next_option(argc, argv, "+:anqR:U:vx")) >= 0)
		switch (c) {
		case 'a': l.watch.automatic = true; break;
		case 'n': l.check = true; break;
		case 'R': l.watch.ready = (int)num_opt('R', optarg, 0, INT32_MAX); break;
		case 'U': l.user = optarg; break;
		default: l.whole = true;
		}
	l.watch.root = host_root("/");
	read_words(&l, argv + optind);
	if (l.watch.automatic)
		begin_layout(&l);
	check_places(&l, &vcpus);
	bind_memory(&l, &vcpus);
	if (l.check) {
		print(&l);
		places_free(&l.watch.places);
		if (l.watch.automatic)
			host_free(&l.host);
		return 0;
	}
	start_watcher(&l);
	close(l.watch.root);
	if (l.user)
		seal_user(l.user);
	wire_exec(l.program);
}

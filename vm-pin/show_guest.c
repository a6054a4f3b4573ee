/* SPDX-License-Identifier: ISC */
/* Guests, and their threads: where they may run, where they do, how they fare; the contracts are in show.h. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/util.h"
#include "vm-pin/guest.h"
#include "vm-pin/host.h"
#include "vm-pin/show.h"

/* As chrt(1) and vm-pin set name them. */
static const char *
policy_name(unsigned policy)
{
	static const char *const names[] = {
	    [SCHED_OTHER] = "other", [SCHED_FIFO] = "fifo", [SCHED_RR] = "rr", [SCHED_BATCH] = "batch", [SCHED_IDLE] = "idle",
	    [6] = "deadline", [7] = "ext",
	};

	return policy < ARRAY_LEN(names) && names[policy] ? names[policy] : "?";
}

/* What there may be none of: in a row its place stays. */
static void
print_index(struct printer *p, const struct guest_thread *t)
{
	if (t->kind == THREAD_VCPU)
		print_number(p, "index", t->index);
	else if (p->form == PRINT_ROWS)
		print_word(p, "index", "-");
}

static void
print_nice(struct printer *p, int nice)
{
	char text[8];

	snprintf(text, sizeof(text), "%d", nice);
	print_word(p, "nice", text);
}

static void
print_thread(struct printer *p, const struct host *h, const struct guest_thread *t, const struct placement *at)
{
	char cpus[CPULIST_TEXT * 4], state[2] = {at->state, '\0'};

	print_begin(p);
	print_word(p, "kind", thread_kind_name(t->kind));
	print_index(p, t);
	print_number(p, "tid", (uint64_t)t->tid);
	print_word(p, "name", t->name);
	print_word(p, "cpus", cpus_text(&at->allowed, cpus, sizeof(cpus)));
	print_number(p, "cpu", at->last);
	print_number(p, "node", at->last < h->ncpus && h->cpu[at->last].node != HOST_NONE ? h->cpu[at->last].node : 0);
	print_word(p, "state", state);
	print_number(p, "run", at->run);
	print_number(p, "wait", at->wait);
	print_word(p, "policy", policy_name(at->policy));
	print_number(p, "priority", at->priority);
	print_nice(p, at->nice);
	print_end(p);
}

void
show_guest(struct printer *p, int root, const struct guest *g)
{
	struct placement at;
	struct host h;

	host_read(&h, root);
	for (size_t i = 0; i < g->nthreads; i++)
		if (guest_placement(g, &g->threads[i], &at)) /* else it has ended meanwhile, as workers do */
			print_thread(p, &h, &g->threads[i], &at);
	host_free(&h);
}

static void
print_guest(struct printer *p, const struct guest *g)
{
	static const char *const programs[] = {[VMM_KVM_RUN] = "kvm-run", [VMM_QEMU] = "qemu", [VMM_OTHER] = "-"};
	struct cpus may = {0};
	struct placement at;
	char cpus[CPULIST_TEXT * 4];

	for (size_t i = 0; i < g->nvcpus; i++)
		if (guest_placement(g, &g->threads[i], &at))
			cpus_or(&may, &at.allowed);
	print_begin(p);
	print_number(p, "pid", (uint64_t)g->pid);
	print_word(p, "name", g->name);
	print_word(p, "program", programs[g->vmm]);
	print_number(p, "vcpus", g->nvcpus);
	print_number(p, "memory", guest_ram(g));
	print_word(p, "cpus", cpus_text(&may, cpus, sizeof(cpus)));
	print_end(p);
}

void
show_guests(struct printer *p, int root)
{
	struct guest *v;
	size_t n = guest_find_all(&v, root);

	for (size_t i = 0; i < n; i++) {
		print_guest(p, &v[i]);
		guest_free(&v[i]);
	}
	free(v);
}

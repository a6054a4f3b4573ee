/* SPDX-License-Identifier: ISC */
/* The guests that are checked, and the telling; the contracts are in check.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-pin/check.h"
#include "vm-pin/read.h"

void
check_tell(struct check *c, const struct checked *g, const char *what, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!g->asked)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	print_begin(c->printer);
	print_word(c->printer, "what", what);
	print_number(c->printer, "pid", (uint64_t)g->guest.pid);
	print_word(c->printer, "name", g->guest.name);
	print_word(c->printer, "how", text);
	print_end(c->printer);
	c->found++;
}

void
check_list(char *text, size_t size, const char *fmt, ...)
{
	char one[128];
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(one, sizeof(one), fmt, ap);
	va_end(ap);
	if (len + strlen(one) + sizeof(", , ...") <= size)
		snprintf(text + len, size - len, "%s%s", len ? ", " : "", one);
	else if (len < 3 || strcmp(text + len - 3, "..."))
		strcpy(text + len, ", ...");
}

bool
check_pinned(const struct check *c, const struct placement *at)
{
	struct cpus core, may = at->allowed;

	cpus_and(&may, &c->host.online);
	host_core(&c->host, cpus_next(&may, 0), &core);
	return !cpus_empty(&may) && cpus_within(&may, &core) && !cpus_within(&c->host.online, &core);
}

/* Threads that have ended are taken out. */
static void
look(struct check *c, struct checked *g)
{
	size_t n = 0, vcpus = 0;
	struct guest *guest = &g->guest;

	g->at = calloc(guest->nthreads, sizeof(*g->at));
	if (!g->at)
		die_sys("%d", (int)guest->pid);
	for (size_t i = 0; i < guest->nthreads; i++) {
		if (!guest_placement(guest, &guest->threads[i], &g->at[n]))
			continue;
		vcpus += i < guest->nvcpus;
		guest->threads[n++] = guest->threads[i];
	}
	guest->nthreads = n;
	guest->nvcpus = vcpus;
	for (size_t i = 0; i < vcpus; i++) {
		struct cpus core;

		if (!check_pinned(c, &g->at[i]))
			continue;
		host_core(&c->host, cpus_next(&g->at[i].allowed, 0), &core);
		cpus_or(&g->home, &core);
	}
}

/* One that a word names takes the place of what was found by looking around: a control socket tells more than a pid. */
static void
ask_for(struct check *c, int root, const char *word)
{
	const char *reason;
	struct guest g;
	struct why w;
	size_t i = 0;

	reason = guest_find(&g, root, word, &w);
	if (reason)
		die("%s: %s", word, reason);
	while (i < c->n && c->v[i].guest.pid != g.pid)
		i++;
	if (i == c->n) {
		c->v = realloc(c->v, ++c->n * sizeof(*c->v));
		if (!c->v)
			die_sys("%s", word);
	} else {
		guest_free(&c->v[i].guest);
	}
	c->v[i] = (struct checked){.guest = g, .asked = true};
}

static void
gather(struct check *c, int root, char *const *words, size_t n)
{
	struct guest *guests;

	c->n = guest_find_all(&guests, root);
	c->v = calloc(c->n + 1, sizeof(*c->v));
	if (!c->v)
		die_sys("guests");
	for (size_t i = 0; i < c->n; i++)
		c->v[i] = (struct checked){.guest = guests[i], .asked = !n};
	free(guests);
	for (size_t i = 0; i < n; i++)
		ask_for(c, root, words[i]);
}

unsigned
check_guests(struct printer *p, int root, char *const *words, size_t n)
{
	struct check c = {.printer = p};

	host_read(&c.host, root);
	gather(&c, root, words, n);
	for (size_t i = 0; i < c.n; i++)
		look(&c, &c.v[i]);
	read_complete(); /* or what is wrong might be taken for right */
	check_cpus(&c);
	check_cores(&c);
	check_memory(&c);
	read_complete();
	for (size_t i = 0; i < c.n; i++) {
		guest_free(&c.v[i].guest);
		free(c.v[i].at);
	}
	free(c.v);
	host_free(&c.host);
	return c.found;
}

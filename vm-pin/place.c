/* SPDX-License-Identifier: ISC */
/* Places; the contracts are in place.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "common/util.h"
#include "vm-pin/place.h"
#include "vm-pin/read.h"

#define ITEM_MAX 64

/* The members of c that the choice does not have yet, at its end. */
static void
append(struct cpu_choice *choice, const struct cpus *c)
{
	for (unsigned cpu = cpus_next(c, 0); cpu < CPUS_MAX; cpu = cpus_next(c, cpu + 1)) {
		if (cpus_has(&choice->set, cpu))
			continue;
		cpus_add(&choice->set, cpu);
		choice->order[choice->n++] = (uint16_t)cpu;
	}
}

static void
take_out(struct cpu_choice *choice, const struct cpus *c)
{
	size_t kept = 0;

	cpus_without(&choice->set, c);
	for (size_t i = 0; i < choice->n; i++)
		if (cpus_has(&choice->set, choice->order[i]))
			choice->order[kept++] = choice->order[i];
	choice->n = kept;
}

/* A part between commas. */
static const char *
item_cpus(struct cpus *c, const char *item, int root, struct why *w)
{
	char path[64];
	uint64_t node;

	if (!strcmp(item, "any")) {
		if (!read_cpus(root, "sys/devices/system/cpu/online", c))
			return why(w, "which CPUs are online is not to be read");
		return NULL;
	}
	if (!strcmp(item, "isolated"))
		return read_cpus(root, "sys/devices/system/cpu/isolated", c) && !cpus_empty(c) ? NULL : why(w, "no CPU is isolated here");
	if (!strncmp(item, "node", 4)) {
		if (!num_parse(item + 4, 0, CPUS_MAX, &node))
			return why(w, "%s: not a node", item);
		snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpulist", (unsigned)node);
		return read_cpus(root, path, c) ? NULL : why(w, "%s: there is none", item);
	}
	return *item && cpus_parse(c, item) ? NULL : why(w, "%s: no CPUs (as 0-3,8, 0-7:2, any, node0, isolated, 0xff)", item);
}

static const char *
choice_items(struct cpu_choice *choice, const char *text, int root, struct why *w)
{
	for (const char *end; ; text = end + 1) {
		bool out = *text == '^';
		char item[ITEM_MAX];
		const char *fault;
		struct cpus c;
		size_t len;

		text += out;
		end = text + strcspn(text, ",");
		len = (size_t)(end - text);
		if (len >= sizeof(item))
			return why(w, "%.*s...: no CPUs", 16, text);
		memcpy(item, text, len);
		item[len] = '\0';
		fault = item_cpus(&c, item, root, w);
		if (fault)
			return fault;
		if (out)
			take_out(choice, &c);
		else
			append(choice, &c);
		if (!*end)
			return NULL;
	}
}

static const char *
choice_parse(struct cpu_choice *choice, const char *text, int root, struct why *w)
{
	const char *fault = NULL;
	struct cpus c;

	choice->order = calloc(CPUS_MAX, sizeof(*choice->order));
	if (!choice->order)
		die("no memory");
	choice->any = !strcmp(text, "any");
	if (choice->any)
		memset(&choice->set, 0xff, sizeof(choice->set));
	else if (!strncmp(text, "0x", 2) && cpus_parse(&c, text))
		append(choice, &c);
	else
		fault = choice_items(choice, text, root, w);
	if (!fault && !choice->any && !choice->n)
		fault = why(w, "%s: that is no CPU", text);
	return fault;
}

static const char *
sum_parse(struct place_sum *s, const char *word, const char *text, struct why *w)
{
	s->word = word;
	s->of_places = !strcmp(text, "auto");
	if (s->of_places || (*text && cpus_parse(&s->set, text) && !cpus_empty(&s->set)))
		return NULL;
	return why(w, "%s: not a list of numbers, nor auto", text);
}

static const char *
who_parse(struct place *p, const char *who, struct why *w)
{
	static const struct {
		const char *name;
		enum thread_kind kind;
	} kinds[] = {{"vcpus", THREAD_VCPU}, {"io", THREAD_IO}, {"main", THREAD_MAIN}};

	p->rank = PLACE_ALL;
	if (!strcmp(who, "all"))
		return NULL;
	p->rank = PLACE_KIND;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(who, kinds[i].name)) {
			p->kind = kinds[i].kind;
			return NULL;
		}
	p->rank = PLACE_LISTED;
	if (*who && strncmp(who, "0x", 2) && cpus_parse(&p->vcpus, who))
		return NULL;
	return why(w, "%s: neither vCPUs (0, 0-3), nor vcpus, io, main, all", who);
}

/* What stands behind the first '='. */
static const char *
where_parse(struct place *p, char *where, int root, struct why *w)
{
	char *at = strchr(where, '@');

	if (at) {
		*at = '\0';
		p->has_class = true;
	}
	p->each = *where == '=';
	p->has_cpus = *where;
	if (!p->has_cpus && !p->has_class)
		return why(w, "no CPUs");
	if (p->each && (p->rank == PLACE_ALL || (p->rank == PLACE_KIND && p->kind != THREAD_VCPU)))
		return why(w, "one CPU each (==) is for vCPUs");
	if (p->each && !strcmp(where + 1, "any"))
		return why(w, "one CPU each (==), and which?");
	if (p->has_class) {
		const char *fault = sched_parse(&p->class, at + 1, w);

		if (fault)
			return fault;
	}
	return p->has_cpus ? choice_parse(&p->cpus, where + p->each, root, w) : NULL;
}

static const char *
add(struct places *ps, const char *word, char *who, char *where, int root, struct why *w)
{
	struct place *v, *p;
	const char *fault;

	if (!strcmp(who, "memory"))
		return sum_parse(&ps->memory, word, where, w);
	if (!strcmp(who, "cpuset"))
		return sum_parse(&ps->cpuset, word, where, w);
	if (!strcmp(who, "within")) {
		free(ps->within.order);
		ps->within = (struct cpu_choice){0};
		return choice_parse(&ps->within, where, root, w);
	}
	v = reallocarray(ps->v, ps->n + 1, sizeof(*v));
	if (!v)
		die("no memory");
	ps->v = v;
	p = &v[ps->n];
	*p = (struct place){.word = word};
	fault = who_parse(p, who, w);
	if (!fault)
		fault = where_parse(p, where, root, w);
	if (fault)
		free(p->cpus.order);
	else
		ps->n++;
	return fault;
}

const char *
place_add(struct places *ps, const char *word, int root, struct why *w)
{
	const char *fault;
	char *text = strdup(word), *equals;

	if (!text)
		die("no memory");
	equals = strchr(text, '=');
	if (equals) {
		*equals = '\0';
		fault = add(ps, word, text, equals + 1, root, w);
	} else {
		fault = why(w, "not of the form who=CPUs");
	}
	free(text);
	return fault;
}

const char *
place_add_list(struct places *ps, char *text, int root, struct why *w)
{
	static const char blanks[] = " \t\r";
	const char *fault = NULL;
	char *lines, *words;

	for (char *line = strtok_r(text, "\n", &lines); line && !fault; line = strtok_r(NULL, "\n", &lines)) {
		line[strcspn(line, "#")] = '\0';
		for (char *word = strtok_r(line, blanks, &words); word && !fault; word = strtok_r(NULL, blanks, &words)) {
			fault = place_add(ps, word, root, w);
			if (fault) {
				struct why said = *w;

				fault = why(w, "%.64s: %.160s", word, said.text);
			}
		}
	}
	return fault;
}

void
places_free(struct places *ps)
{
	for (size_t i = 0; i < ps->n; i++)
		free(ps->v[i].cpus.order);
	free(ps->v);
	free(ps->within.order);
	*ps = (struct places){0};
}

static bool
concerns(const struct place *p, const struct guest_thread *t)
{
	switch (p->rank) {
	case PLACE_ALL:
		return true;
	case PLACE_KIND:
		return t->kind == p->kind;
	case PLACE_LISTED:
		return t->kind == THREAD_VCPU && cpus_has(&p->vcpus, t->index);
	}
	return false;
}

static const struct place *
prevailing(const struct places *ps, const struct guest_thread *t, bool class)
{
	const struct place *best = NULL;

	for (size_t i = 0; i < ps->n; i++) {
		const struct place *p = &ps->v[i];

		if ((class ? p->has_class : p->has_cpus) && concerns(p, t) && (!best || p->rank >= best->rank))
			best = p;
	}
	return best;
}

const struct place *
place_cpus_of(const struct places *ps, const struct guest_thread *t)
{
	return prevailing(ps, t, false);
}

const struct place *
place_class_of(const struct places *ps, const struct guest_thread *t)
{
	return prevailing(ps, t, true);
}

bool
place_cpus(const struct place *p, const struct guest_thread *t, struct cpus *c)
{
	size_t nth = t->index;

	if (!p->each) {
		*c = p->cpus.set;
		return true;
	}
	if (p->rank == PLACE_LISTED) {
		nth = 0;
		for (unsigned i = cpus_next(&p->vcpus, 0); i < t->index; i = cpus_next(&p->vcpus, i + 1))
			nth++;
	}
	if (nth >= p->cpus.n)
		return false;
	*c = (struct cpus){0};
	cpus_add(c, p->cpus.order[nth]);
	return true;
}

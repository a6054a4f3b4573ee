/* SPDX-License-Identifier: ISC */
/* Statistics for people and for scripts; the contracts are in stats.h. */
#include <inttypes.h>
#include <stdio.h>

#include "common/diag.h"
#include "kvm-run/stats.h"
#include "kvm-run/vm.h"

struct report {
	struct stats_sink sink; /* first */
	char id[32], line[512];
	size_t len;
};

static void
report_flush(struct report *r)
{
	if (r->id[0])
		error("%s:%s", r->id, r->len ? r->line : " nothing");
	r->len = 0;
}

static void
report_owner(struct stats_sink *s, const char *id)
{
	struct report *r = (struct report *)s;

	report_flush(r);
	snprintf(r->id, sizeof(r->id), "%s", id);
}

static void
report_number(struct stats_sink *s, const char *name, uint64_t value)
{
	struct report *r = (struct report *)s;
	int n;

	if (!value)
		return;
	n = snprintf(r->line + r->len, sizeof(r->line) - r->len, "%s %s %" PRIu64, r->len ? "," : "", name, value);
	r->len += (size_t)n < sizeof(r->line) - r->len ? (size_t)n : 0;
}

void
stats_report(const struct vm *vm)
{
	struct report r = {.sink = {.owner = report_owner, .number = report_number}};

	stats_collect(vm, &r.sink);
	report_flush(&r);
}

struct table {
	struct stats_sink sink; /* first */
	struct ctl_answer *answer;
	char id[32];
};

static void
table_owner(struct stats_sink *s, const char *id)
{
	struct table *t = (struct table *)s;

	snprintf(t->id, sizeof(t->id), "%s", id);
}

static void
table_number(struct stats_sink *s, const char *name, uint64_t value)
{
	struct table *t = (struct table *)s;

	ctl_print(t->answer, "%s\t%s\t%" PRIu64 "\n", t->id, name, value);
}

enum ctl_done
ctl_stats(struct ctl_request *r, char **word)
{
	struct table t = {.sink = {.owner = table_owner, .number = table_number}, .answer = r->answer};

	(void)word;
	stats_collect(r->vm, &t.sink);
	return CTL_OK;
}

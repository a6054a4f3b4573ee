/* SPDX-License-Identifier: ISC */
/* Tables as data; the contracts are in rules.h. */
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "vm-nat/rules.h"

struct chain *
table_chain(struct table *t, const char *name, const char *type, int hook, int priority)
{
	struct chain *c = &t->chains[t->n];

	if (t->n == CHAINS_MAX)
		die("table %s: too many chains", t->name);
	t->n++;
	*c = (struct chain){ .name = name, .type = type, .hook = hook, .priority = priority };
	return c;
}

void
chain_rule(struct chain *c, const struct expr *e, size_t n)
{
	struct rule *r;

	if (c->n == c->room) {
		c->room = c->room ? 2 * c->room : 8;
		c->rules = reallocarray(c->rules, c->room, sizeof(*c->rules));
		if (!c->rules)
			die_sys("rules");
	}
	r = &c->rules[c->n++];
	r->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (e[i].kind == EXPR_NONE)
			continue;
		if (r->n == RULE_EXPRS)
			die("chain %s: a rule too long", c->name);
		r->e[r->n++] = e[i];
	}
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->chains[i].rules);
	t->n = 0;
}

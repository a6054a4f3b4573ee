/* SPDX-License-Identifier: ISC */
/* vm-nat list and show; the contracts are in show.h. */
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include "common/diag.h"
#include "common/print.h"
#include "vm-nat/apply.h"
#include "vm-nat/plan.h"
#include "vm-nat/show.h"

static void
print_head(struct printer *out, const struct found_table *t)
{
	print_word(out, "name", t->network);
	print_word(out, "life", t->owner ? "held" : "kept");
	print_number(out, "process", t->owner);
}

/* The next network of a table's comment, which has blanks between; false at the end. */
static bool
next_network(const char **rest, char name[PREFIX_TEXT_MAX])
{
	size_t len = strcspn(*rest, " ");

	if (!len || len >= PREFIX_TEXT_MAX)
		return false;
	memcpy(name, *rest, len);
	name[len] = '\0';
	*rest += len + ((*rest)[len] == ' ');
	return true;
}

void
show_list(const struct options *o)
{
	struct printer out = { .form = o->json ? PRINT_JSON : PRINT_ROWS };
	struct netlink nl;
	struct ruleset rs;

	open_netlink(&nl, NETLINK_NETFILTER);
	read_ruleset(&nl, &rs, true);
	for (size_t i = 0; i < rs.n; i++) {
		const char *rest = rs.tables[i].comment;
		char name[PREFIX_TEXT_MAX];

		if (table_is_undo(&rs.tables[i]))
			continue;
		print_begin(&out);
		print_head(&out, &rs.tables[i]);
		print_list(&out, "networks", "network");
		while (next_network(&rest, name))
			print_item(&out, name);
		print_list_end(&out);
		print_end(&out);
	}
	ruleset_free(&rs);
	netlink_close(&nl);
	flush_stdout();
}

/* What the rules with that comment have counted. */
static uint64_t
counted(const struct found_table *t, const char *begin, const char *end)
{
	size_t len = strlen(begin);
	uint64_t sum = 0;

	for (size_t i = 0; i < t->n; i++)
		if (!strncmp(t->rules[i].comment, begin, len) && !strcmp(t->rules[i].comment + len, end))
			sum += t->rules[i].packets;
	return sum;
}

static void
print_networks(struct printer *out, const struct found_table *t)
{
	const char *rest = t->comment;
	char name[PREFIX_TEXT_MAX];

	print_list(out, "networks", "network");
	while (next_network(&rest, name)) {
		print_row(out);
		print_word(out, "network", name);
		print_number(out, "connections", counted(t, OUT_COMMENT, name));
		print_row_end(out);
	}
	print_list_end(out);
}

static void
print_forwards(struct printer *out, const struct found_table *t)
{
	static const char *const keys[] = { "protocol", "host", "guest" };
	char text[FORWARD_TEXT_MAX], *rest, *field;
	struct forward f;
	const char *why;

	print_list(out, "forwards", "forward");
	for (size_t i = 0; i < t->n; i++) {
		if (strcmp(t->rules[i].chain, FORWARDS_CHAIN) || !forward_parse(&f, t->rules[i].comment, &why))
			continue;
		forward_format(&f, text);
		rest = text;
		print_row(out);
		for (size_t k = 0; k < 3 && (field = strsep(&rest, "\t")); k++)
			print_word(out, keys[k], field);
		print_number(out, "connections", t->rules[i].packets);
		print_row_end(out);
	}
	print_list_end(out);
}

static void
print_network(struct printer *out, const struct found_table *t)
{
	print_begin(out);
	print_head(out, t);
	print_networks(out, t);
	print_forwards(out, t);
	print_number(out, "refused-from", counted(t, REFUSED_FROM, ""));
	print_number(out, "refused-to", counted(t, REFUSED_TO, ""));
	print_number(out, "refused-between", counted(t, REFUSED_BETWEEN, ""));
	print_end(out);
}

void
show_network(const struct options *o)
{
	struct printer out = { .form = o->json ? PRINT_JSON : PRINT_KEYS };
	const struct found_table *t;
	char name[TABLE_NAME_MAX];
	struct netlink nl;
	struct ruleset rs;

	plan_name(name, &o->net);
	open_netlink(&nl, NETLINK_NETFILTER);
	read_ruleset(&nl, &rs, true);
	t = ruleset_find(&rs, name);
	if (!t)
		die("%s: no such network", name + strlen(TABLE_PREFIX));
	print_network(&out, t);
	ruleset_free(&rs);
	netlink_close(&nl);
	flush_stdout();
}

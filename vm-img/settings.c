/* SPDX-License-Identifier: ISC */
/* The lists of -o; the contracts are in settings.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/num.h"
#include "vm-img/settings.h"
#include "vm-img/size.h"
#include "vm-img/words.h"

static _Noreturn void
help(const struct image_option *p, const char *heading)
{
	static const char *const values[] = {
		[OPTION_STRING] = "<str>",
		[OPTION_SIZE] = "<size>",
		[OPTION_NUMBER] = "<num>",
		[OPTION_BOOL] = "<bool (on/off)>",
	};
	char name[64];

	puts(heading);
	for (; p->name; p++) {
		snprintf(name, sizeof(name), "%s=%s", p->name, values[p->type]);
		printf("  %-22s - %s\n", name, p->help);
	}
	flush_stdout();
	exit(0);
}

static bool
asks_help(const char *list)
{
	struct words w = words_start(list);
	char *key, *value;
	bool asked = false;

	while (words_next(&w, &key, &value))
		asked |= !value && (!strcmp(key, "help") || !strcmp(key, "?"));
	return asked;
}

static const struct image_option *
find(const struct image_option *p, const char *key, const char *file)
{
	for (; p->name; p++)
		if (!strcmp(p->name, key))
			return p;
	die("%s: Invalid parameter '%s' (-o help tells which there are)", file, key);
}

static void
evaluate(struct image_setting *s, const char *file)
{
	const char *name = s->option->name;

	switch (s->option->type) {
	case OPTION_STRING:
		break;
	case OPTION_BOOL:
		s->number = !strcmp(s->text, "on") || !strcmp(s->text, "yes") || !strcmp(s->text, "true") || !strcmp(s->text, "y");
		if (!s->number && strcmp(s->text, "off") && strcmp(s->text, "no") && strcmp(s->text, "false") &&
		    strcmp(s->text, "n"))
			die("%s: Parameter '%s' expects 'on' or 'off'", file, name);
		break;
	case OPTION_NUMBER:
		if (!num_parse(s->text, 0, UINT64_MAX, &s->number))
			die("%s: Parameter '%s' expects a number", file, name);
		break;
	case OPTION_SIZE:
		if (!image_size_parse(s->text, &s->number))
			die("%s: Parameter '%s' expects a non-negative number below 2^64, with an optional suffix k, M, G, T, P or E",
			    file, name);
		break;
	}
}

/* The slot of an option: its own if it was given before. */
static struct image_setting *
slot(struct settings *s, const struct image_option *option)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].option == option)
			return &s->list[i];
	if (s->n == SETTINGS_MAX)
		die("-o: more than %d options", SETTINGS_MAX);
	return &s->list[s->n++];
}

void
settings_parse(struct settings *s, const struct options *o, const struct image_option *table, const char *heading, const char *file)
{
	char *key, *value;

	*s = (struct settings){.n = 0};
	for (size_t i = 0; i < o->nsettings; i++)
		if (asks_help(o->settings[i]))
			help(table, heading);
	for (size_t i = 0; i < o->nsettings; i++) {
		struct words w = words_start(o->settings[i]);

		while (words_next(&w, &key, &value)) {
			const struct image_option *option = find(table, key, file);
			struct image_setting *set = slot(s, option);

			if (!value && option->type != OPTION_BOOL)
				die("%s: Expected '=' after parameter '%s'", file, key);
			*set = (struct image_setting){.option = option, .text = value ? value : "on"};
			evaluate(set, file);
		}
	}
}

const char *
settings_text(const struct settings *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->list[i].option->name, name))
			return s->list[i].text;
	return NULL;
}

/* SPDX-License-Identifier: ISC */
/* Descriptions for people; the contracts are in text.h. */
#include <inttypes.h>
#include <stdio.h>

#include "common/util.h"
#include "vm-img/text.h"

static struct text *
text_of(struct describe *d)
{
	return container_of(d, struct text, describe);
}

void
text_string(const char *s)
{
	for (; *s; s++)
		putchar((unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s);
}

static void
lead(struct text *t, const char *key)
{
	printf("%*s", (int)(4 * t->depth), "");
	if (t->list[t->depth])
		printf("[%u]:", t->count[t->depth]++);
	else
		for (; *key || (putchar(':'), 0); key++)
			putchar(*key == '-' ? ' ' : *key);
}

static void
string(struct describe *d, const char *key, const char *value)
{
	lead(text_of(d), key);
	putchar(' ');
	text_string(value);
	putchar('\n');
}

static void
number(struct describe *d, const char *key, int64_t value)
{
	lead(text_of(d), key);
	printf(" %" PRId64 "\n", value);
}

static void
boolean(struct describe *d, const char *key, bool value)
{
	string(d, key, value ? "true" : "false");
}

static void
begin(struct describe *d, const char *key, bool list)
{
	struct text *t = text_of(d);

	lead(t, key);
	putchar('\n');
	t->depth++;
	t->list[t->depth] = list;
	t->count[t->depth] = 0;
}

static void
end(struct describe *d)
{
	text_of(d)->depth--;
}

void
text_init(struct text *t, unsigned depth)
{
	*t = (struct text){.describe = {.string = string, .number = number, .boolean = boolean, .begin = begin, .end = end}, .depth = depth};
}

/* SPDX-License-Identifier: ISC */
/* JSON on stdout; the contracts are in json.h. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/util.h"
#include "vm-img/json.h"

static struct json *
json_of(struct describe *d)
{
	return container_of(d, struct json, describe);
}

/* The character at *s, which is moved past it; U+FFFD for a byte that belongs to none (RFC 3629). */
static uint32_t
character(const unsigned char **s)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	unsigned c = *(*s)++, more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : (c & 0xf0) == 0xe0 ? 2 : c >= 0xf0 && c < 0xf5 ? 3 : 4;
	uint32_t v = more ? c & (0x3f >> more) : c;

	if (more == 4)
		return 0xfffd;
	for (unsigned i = 0; i < more; i++) {
		if (((*s)[i] & 0xc0) != 0x80)
			return 0xfffd;
		v = v << 6 | ((*s)[i] & 0x3f);
	}
	if (v < least[more] || (v >= 0xd800 && v < 0xe000) || v > 0x10ffff)
		return 0xfffd;
	*s += more;
	return v;
}

/* Of any bytes: those that are no UTF-8 become U+FFFD. */
static void
put_string(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";

	putchar('"');
	while (*s) {
		uint32_t c = character(&s);
		const char *known = c < 0x80 ? strchr(from, (int)c) : NULL;

		if (known)
			printf("\\%c", to[known - from]);
		else if (c >= ' ' && c < 0x7f)
			putchar((int)c);
		else if (c < 0x10000)
			printf("\\u%04X", c);
		else
			printf("\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + (c & 0x3ff));
	}
	putchar('"');
}

static void
line(const struct json *j)
{
	printf("\n%*s", (int)(4 * j->depth), "");
}

static void
lead(struct json *j, const char *key)
{
	if (j->depth) {
		if (j->rest[j->depth])
			putchar(',');
		line(j);
	}
	j->rest[j->depth] = true;
	if (key) {
		put_string(key);
		fputs(": ", stdout);
	}
}

static void
string(struct describe *d, const char *key, const char *value)
{
	lead(json_of(d), key);
	put_string(value);
}

static void
number(struct describe *d, const char *key, int64_t value)
{
	lead(json_of(d), key);
	printf("%" PRId64, value);
}

static void
boolean(struct describe *d, const char *key, bool value)
{
	lead(json_of(d), key);
	fputs(value ? "true" : "false", stdout);
}

static void
begin(struct describe *d, const char *key, bool list)
{
	struct json *j = json_of(d);

	lead(j, key);
	putchar(list ? '[' : '{');
	j->depth++;
	j->list[j->depth] = list;
	j->rest[j->depth] = false;
}

static void
end(struct describe *d)
{
	struct json *j = json_of(d);
	bool list = j->list[j->depth];

	j->depth--;
	line(j);
	putchar(list ? ']' : '}');
	if (!j->depth)
		putchar('\n');
}

void
json_init(struct json *j)
{
	*j = (struct json){.describe = {.string = string, .number = number, .boolean = boolean, .begin = begin, .end = end}};
}

/* SPDX-License-Identifier: ISC */
/* Three forms of output; the contracts are in print.h. */
#include <stdio.h>

#include "common/print.h"

/* The kernel lets names hold any bytes but '/', ':' and blanks; those that are no UTF-8 are passed on as they are. */
static void
json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < ' ')
			printf("\\u%04x", (unsigned)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

void
print_begin(struct printer *p)
{
	p->rest = false;
	if (p->form == PRINT_JSON)
		putchar('{');
}

void
print_end(struct printer *p)
{
	if (p->form == PRINT_JSON)
		putchar('}');
	if (p->form != PRINT_KEYS)
		putchar('\n');
}

/* What stands before a value. */
static void
lead(struct printer *p, const char *key)
{
	if (p->form == PRINT_JSON) {
		if (p->rest)
			putchar(',');
		json_string(key);
		putchar(':');
	} else if (p->form == PRINT_KEYS && !p->row) {
		printf("%s\t", key);
	} else if (p->rest) {
		putchar('\t');
	}
	p->rest = true;
}

static void
trail(const struct printer *p)
{
	if (p->form == PRINT_KEYS && !p->row)
		putchar('\n');
}

static void
put_word(const struct printer *p, const char *word)
{
	if (p->form == PRINT_JSON)
		json_string(word);
	else
		fputs(word, stdout);
	trail(p);
}

void
print_word(struct printer *p, const char *key, const char *value)
{
	lead(p, key);
	put_word(p, value);
}

void
print_number(struct printer *p, const char *key, uint64_t value)
{
	lead(p, key);
	printf("%llu", (unsigned long long)value);
	trail(p);
}

void
print_mac(struct printer *p, const char *key, const uint8_t mac[6])
{
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	print_word(p, key, text);
}

void
print_list(struct printer *p, const char *many, const char *one)
{
	p->list_rest = false;
	p->one = one;
	if (p->form != PRINT_KEYS)
		lead(p, many);
	if (p->form == PRINT_JSON)
		putchar('[');
}

static void
lead_item(struct printer *p)
{
	if (p->form == PRINT_KEYS)
		printf("%s\t", p->one);
	else if (p->list_rest)
		putchar(',');
	p->list_rest = true;
}

void
print_item(struct printer *p, const char *value)
{
	lead_item(p);
	put_word(p, value);
}

void
print_row(struct printer *p)
{
	lead_item(p);
	print_begin(p);
	p->row = true;
}

void
print_row_end(struct printer *p)
{
	p->row = false;
	p->rest = true;
	putchar(p->form == PRINT_JSON ? '}' : '\n');
}

void
print_list_end(struct printer *p)
{
	if (p->form == PRINT_JSON)
		putchar(']');
}

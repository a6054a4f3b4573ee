/* SPDX-License-Identifier: ISC */
/* JSON read where it lies; the contracts are in json.h. */
#include <string.h>

#include "common/num.h"
#include "vm-pin/json.h"

/* What is yet to be read. */
struct cursor {
	const char *at, *end;
};

static void
skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
		c->at++;
}

/* Passes the character if it is the next one. */
static bool
take(struct cursor *c, char what)
{
	if (c->at == c->end || *c->at != what)
		return false;
	c->at++;
	return true;
}

static bool
skip_string(struct cursor *c)
{
	if (!take(c, '"'))
		return false;
	for (; c->at < c->end && *c->at != '"'; c->at++)
		if (*c->at == '\\' && ++c->at == c->end)
			return false;
	return take(c, '"');
}

/* A number, true, false, null: what they may hold, not what they must. */
static bool
skip_word(struct cursor *c)
{
	const char *from = c->at;

	while (c->at < c->end && ((*c->at >= '0' && *c->at <= '9') || (*c->at >= 'a' && *c->at <= 'z') || *c->at == '+' ||
				     *c->at == '-' || *c->at == '.' || *c->at == 'E'))
		c->at++;
	return c->at > from;
}

/*
 * Brackets and strings are what tells where a value ends; commas and colons between are not looked at here, but by those who
 * go through an object or array. No recursion: a peer does not choose how deep our stack gets.
 */
static bool
skip_value(struct cursor *c)
{
	char closing[JSON_DEPTH];
	unsigned depth = 0;

	do {
		skip_blanks(c);
		if (c->at == c->end)
			return false;
		if (*c->at == '{' || *c->at == '[') {
			if (depth == JSON_DEPTH)
				return false;
			closing[depth++] = *c->at++ == '{' ? '}' : ']';
		} else if (depth && *c->at == closing[depth - 1]) {
			depth--;
			c->at++;
		} else if (*c->at == '"') {
			if (!skip_string(c))
				return false;
		} else if (depth && (*c->at == ',' || *c->at == ':')) {
			c->at++;
		} else if (!skip_word(c)) {
			return false;
		}
	} while (depth);
	return true;
}

static bool
take_value(struct cursor *c, struct json *v)
{
	skip_blanks(c);
	v->at = c->at;
	if (!skip_value(c))
		return false;
	v->len = (size_t)(c->at - v->at);
	return true;
}

bool
json_value(struct json *v, const char *text, size_t len)
{
	struct cursor c = {text, text + len};

	return take_value(&c, v);
}

bool
json_member(const struct json *object, const char *name, struct json *value)
{
	struct cursor c = {object->at, object->at + object->len};
	struct json key;

	if (!take(&c, '{'))
		return false;
	do {
		skip_blanks(&c);
		key.at = c.at;
		if (!skip_string(&c))
			return false;
		key.len = (size_t)(c.at - key.at) - 2;
		skip_blanks(&c);
		if (!take(&c, ':') || !take_value(&c, value))
			return false;
		if (key.len == strlen(name) && !memcmp(key.at + 1, name, key.len))
			return true;
		skip_blanks(&c);
	} while (take(&c, ','));
	return false;
}

bool
json_item(const struct json *array, const char **rest, struct json *item)
{
	struct cursor c = {array->at, array->at + array->len};
	char before = '[';

	if (*rest) {
		c.at = *rest;
		before = ',';
	}
	skip_blanks(&c);
	if (!take(&c, before) || !take_value(&c, item))
		return false;
	*rest = c.at;
	return true;
}

bool
json_number(const struct json *v, uint64_t max, uint64_t *number)
{
	char digits[24];

	if (v->len >= sizeof(digits))
		return false;
	memcpy(digits, v->at, v->len);
	digits[v->len] = '\0';
	return num_parse(digits, 0, max, number);
}

/* SPDX-License-Identifier: ISC */
/* A request of HTTP; the contracts are in http_request.h. */
#include <string.h>
#include <strings.h>

#include "vm-vnc/http_request.h"

enum {
	BAD_REQUEST = 400,
	TOO_LONG = 414,
	TOO_MANY = 431,
	OTHER_VERSION = 505,
};

size_t
http_head(const char *buf, size_t len)
{
	const char *end = memmem(buf, len, "\r\n\r\n", 4);

	return end ? (size_t)(end + 4 - buf) : 0;
}

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* RFC 9110, 5.6.2: what a method's and a header's name consist of. */
static bool
is_token(const char *s)
{
	return *s && !s[strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")];
}

/* The path of a target, up to its query. What it may not hold, escaped or not, is refused here, so that nobody sees it. */
static int
take_path(struct http_request *r, const char *target)
{
	size_t n = 0;

	if (*target != '/')
		return BAD_REQUEST;
	for (; *target && *target != '?' && *target != '#'; target++) {
		int c = (unsigned char)*target;

		if (c == '%') {
			int high = hex(target[1]), low = high < 0 ? -1 : hex(target[2]);

			if (low < 0)
				return BAD_REQUEST;
			c = high << 4 | low;
			target += 2;
		}
		if (c < 0x20 || c == 0x7f || c == '\\')
			return BAD_REQUEST;
		if (n == sizeof(r->path) - 1)
			return TOO_LONG;
		r->path[n++] = (char)c;
	}
	r->path[n] = '\0';
	return 0;
}

static int
take_first_line(struct http_request *r, char *line)
{
	char *target = strchr(line, ' '), *version = target ? strchr(target + 1, ' ') : NULL;

	if (!version)
		return BAD_REQUEST;
	*target++ = '\0';
	*version++ = '\0';
	if (!is_token(line))
		return BAD_REQUEST;
	if (strcmp(version, "HTTP/1.1") && strcmp(version, "HTTP/1.0"))
		return strncmp(version, "HTTP/", 5) ? BAD_REQUEST : OTHER_VERSION;
	r->method = line;
	r->keep = version[7] == '1';
	return take_path(r, target);
}

/* Blanks around a value are none of it; a line that continues the one before was never right (RFC 9112, 5.2). */
static int
take_header(struct http_request *r, char *line)
{
	char *value = strchr(line, ':'), *end;

	if (!value)
		return BAD_REQUEST;
	*value++ = '\0';
	if (!is_token(line))
		return BAD_REQUEST;
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && strchr(" \t", end[-1]))
		*--end = '\0';
	if (r->nheaders == HTTP_HEADERS_MAX)
		return TOO_MANY;
	r->headers[r->nheaders++] = (struct http_header){line, value};
	return 0;
}

/* Cuts the line at s off, and returns the one behind it. NULL where it holds what no line may. */
static char *
cut_line(char *s, const char *end)
{
	char *cr = memmem(s, (size_t)(end - s), "\r\n", 2);

	if (!cr || memchr(s, '\0', (size_t)(cr - s)) || memchr(s, '\n', (size_t)(cr - s)) || memchr(s, '\r', (size_t)(cr - s)))
		return NULL;
	*cr = '\0';
	return cr + 2;
}

int
http_parse(struct http_request *r, char *head, size_t len)
{
	char *line = head, *next = cut_line(head, head + len);
	int fault;

	r->nheaders = 0;
	if (!next)
		return BAD_REQUEST;
	fault = take_first_line(r, line);
	while (!fault) {
		line = next;
		next = cut_line(line, head + len);
		if (!next)
			return BAD_REQUEST;
		if (!*line)
			break;
		fault = take_header(r, line);
	}
	if (fault)
		return fault;
	/* What would follow the head is nobody's to guess, so that two readers of it could not differ. */
	if (http_header(r, "Content-Length") || http_header(r, "Transfer-Encoding"))
		return BAD_REQUEST;
	if (http_has(r, "Connection", "close"))
		r->keep = false;
	return 0;
}

const char *
http_header(const struct http_request *r, const char *name)
{
	for (size_t i = 0; i < r->nheaders; i++)
		if (!strcasecmp(r->headers[i].name, name))
			return r->headers[i].value;
	return NULL;
}

static bool
value_has(const char *value, const char *word)
{
	size_t len = strlen(word);

	while (*value) {
		size_t n;

		value += strspn(value, ", \t");
		n = strcspn(value, ", \t");
		if (n == len && !strncasecmp(value, word, len))
			return true;
		value += n;
	}
	return false;
}

bool
http_has(const struct http_request *r, const char *name, const char *word)
{
	for (size_t i = 0; i < r->nheaders; i++) {
		const struct http_header *h = &r->headers[i];

		if (h->value && !strcasecmp(h->name, name) && value_has(h->value, word))
			return true;
	}
	return false;
}

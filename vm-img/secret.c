/* SPDX-License-Identifier: ISC */
/* Secrets of --object; the contracts are in secret.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-img/keep.h"
#include "vm-img/secret.h"
#include "vm-img/words.h"

#define SECRET_BYTES_MAX (1 << 20)

static int
base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Decodes in place (RFC 4648); white space between digits is passed over. False: it is no base64. */
static bool
base64_decode(struct secret *s)
{
	size_t n = 0, digits = 0, pads = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < s->len; i++) {
		char c = (char)s->bytes[i];

		if (c && strchr(" \t\r\n", c))
			continue;
		if (c == '=' && ++pads)
			continue;
		if (pads || base64_digit(c) < 0)
			return false;
		bits = bits << 6 | (uint32_t)base64_digit(c);
		if (++digits % 4 != 1)
			s->bytes[n++] = (uint8_t)(bits >> (6 - 2 * ((digits - 1) % 4)));
	}
	s->len = n;
	return (digits + pads) % 4 == 0 && pads <= 2;
}

static void
read_file(struct secret *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	s->bytes = keep(SECRET_BYTES_MAX);
	n = fd < 0 ? -1 : fd_read_all(fd, s->bytes, SECRET_BYTES_MAX);
	if (n < 0)
		die_sys("%s", path);
	if (n == SECRET_BYTES_MAX)
		die("%s: longer than a secret may be", path);
	s->len = (size_t)n;
	close(fd);
}

static void
take(struct secret *s, const char *key, char *value, bool *base64)
{
	if (!strcmp(key, "qom-type") || (!value && !strcmp(key, "secret")))
		return;
	if (!value)
		die("--object secret: %s: not KEY=VALUE", key);
	if (!strcmp(key, "id"))
		s->id = value;
	else if (!strcmp(key, "data")) {
		s->bytes = (uint8_t *)value;
		s->len = strlen(value);
	} else if (!strcmp(key, "file"))
		read_file(s, value);
	else if (!strcmp(key, "format") && (!strcmp(value, "raw") || !strcmp(value, "base64")))
		*base64 = *value == 'b';
	else
		die("--object secret: %s=%s: not id=, data=, file= or format=raw|base64", key, value);
}

void
secret_add(struct secrets *all, const char *word)
{
	struct secret *s = &all->list[all->n];
	bool base64 = false;
	struct words w;
	char *key, *value;

	if (all->n == SECRETS_MAX)
		die("--object: more than %d secrets", SECRETS_MAX);
	if (strncmp(word, "secret,", 7) && strncmp(word, "qom-type=secret,", 16))
		die("--object %s: only secrets are known here", word);
	w = words_start(word);
	while (words_next(&w, &key, &value))
		take(s, key, value, &base64);
	if (!s->id || !s->bytes)
		die("--object secret: id= and one of data= and file= are needed");
	if (base64 && !base64_decode(s))
		die("--object secret: %s is not base64", s->id);
	all->n++;
}

const struct secret *
secret_find(const struct secrets *all, const char *id)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->list[i].id, id))
			return &all->list[i];
	die("no secret with id '%s' (--object secret,id=%s,file=PATH gives one)", id, id);
}

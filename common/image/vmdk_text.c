/* SPDX-License-Identifier: ISC */
/*
 * The descriptor of a VMDK image: lines of KEY=VALUE, and a line for each extent: ACCESS SECTORS TYPE "FILE" OFFSET. What it
 * names comes from a stranger: files beside it are asked for, nothing else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/image/vmdk.h"
#include "common/num.h"

#define SECTORS_MAX (IMAGE_SIZE_MAX / VMDK_SECTOR)

/* The next word of a line, which ends it there; a quoted one without its quotes. NULL: none. */
static char *
next_word(char **line)
{
	char *p = *line + strspn(*line, " \t"), *end;

	if (!*p)
		return NULL;
	if (*p == '"')
		end = strchr(++p, '"');
	else
		end = p + strcspn(p, " \t");
	if (!end) /* a quote without its end */
		return NULL;
	*line = *end ? end + 1 : end;
	*end = '\0';
	return p;
}

/* What a line says of this key, or NULL. */
static char *
value_of(char *line, const char *key)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n))
		return NULL;
	line += n;
	line += strspn(line, " \t");
	return *line == '=' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

/* 0 where the digits are none. */
static uint32_t
hex(const char *digits)
{
	return (uint32_t)strtoul(digits, NULL, 16);
}

static const char *
kind_of(struct vmdk_extent *x, struct why *w)
{
	if (!strcmp(x->type, "FLAT") || !strcmp(x->type, "VMFS")) /* off a VMFS the file of such a one is flat, too */
		x->kind = VMDK_FLAT;
	else if (!strcmp(x->type, "SPARSE"))
		x->kind = VMDK_SPARSE;
	else if (!strcmp(x->type, "ZERO"))
		x->kind = VMDK_ZERO;
	else
		return why(w, "extents of type %s are not supported", x->type);
	return NULL;
}

static const char *
take_extent(struct vmdk *v, char *line, struct why *w)
{
	struct vmdk_extent x = {.at = v->image.size, .name = ""};
	char *access = next_word(&line), *sectors = next_word(&line), *type = next_word(&line), *name, *from;
	struct vmdk_extent *more;
	uint64_t n = 0;

	if (!type || !num_parse(sectors, 1, SECTORS_MAX - x.at / VMDK_SECTOR, &n))
		return why(w, "an extent's size is no number of sectors that a disk can have");
	x.len = n * VMDK_SECTOR;
	x.type = type;
	x.fixed = strcmp(access, "RW");
	if (kind_of(&x, w))
		return w->text;
	name = x.kind == VMDK_ZERO ? NULL : next_word(&line);
	if (name)
		x.name = name;
	if (x.kind != VMDK_ZERO && (!*x.name || strchr(x.name, '/') || !strcmp(x.name, "..")))
		return why(w, "an extent is not a file beside it: '%s'", x.name);
	from = next_word(&line);
	n = 0;
	if (x.kind == VMDK_FLAT && from && !num_parse(from, 0, SECTORS_MAX, &n))
		return why(w, "%s: '%s' is no sector to begin at", x.name, from);
	x.flat = n * VMDK_SECTOR;
	more = reallocarray(v->extents, v->n + 1, sizeof(*more));
	if (!more)
		return why(w, "%s", strerror(ENOMEM));
	v->extents = more;
	v->extents[v->n++] = x;
	v->image.size += x.len;
	return NULL;
}

static const char *
take_string(char **to, char *quoted, struct why *w)
{
	char *word = next_word(&quoted);

	if (*to || !word)
		return NULL;
	*to = strdup(word);
	return *to ? NULL : why(w, "%s", strerror(ENOMEM));
}

static const char *
take_line(struct vmdk *v, char *line, uint64_t at, bool inside, struct why *w)
{
	char *value;

	if (!strncmp(line, "RW ", 3) || !strncmp(line, "RDONLY ", 7))
		return inside ? NULL : take_extent(v, line, w);
	if (!strncmp(line, "NOACCESS ", 9))
		return why(w, "an extent that must not be read");
	if ((value = value_of(line, "parentCID")))
		v->parent_cid = hex(value);
	else if ((value = value_of(line, "CID"))) {
		v->cid = hex(value);
		v->cid_digits = (unsigned)strspn(value, "0123456789abcdefABCDEF");
		v->cid_at = v->cid_digits && v->cid_digits <= 8 ? at + (uint64_t)(value - line) : 0;
	} else if ((value = value_of(line, "createType")))
		return take_string(&v->create_type, value, w);
	else if ((value = value_of(line, "parentFileNameHint")))
		return take_string(&v->image.backing_name, value, w);
	return NULL;
}

const char *
vmdk_text_take(struct vmdk *v, const char *text, size_t n, uint64_t at, bool inside, struct why *w)
{
	const char *reason = NULL;
	char *line, *next;

	v->cid = v->parent_cid = VMDK_NO_PARENT;
	v->words = strndup(text, n);
	if (!v->words)
		return why(w, "%s", strerror(ENOMEM));
	for (line = v->words; line && !reason; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		reason = take_line(v, line, at + (uint64_t)(line - v->words), inside, w);
	}
	return reason;
}

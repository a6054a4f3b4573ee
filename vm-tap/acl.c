/* SPDX-License-Identifier: ISC */
/* The list of who may use a bridge; the contracts are in acl.h, the rules those of QEMU's docs/system/qemu-bridge-helper. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-tap/acl.h"

#define FILE_MAX 65536 /* bytes */
#define DEPTH_MAX 8
#define FILES_MAX 64

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* Cuts the next word off *s, which is left behind it; NULL at the end. */
static const char *
next_word(char **s)
{
	char *word = *s;

	while (is_blank(*word))
		word++;
	if (!*word)
		return NULL;
	for (*s = word; **s && !is_blank(**s); ++*s)
		;
	if (**s)
		*(*s)++ = '\0';
	return word;
}

static bool PRINTF(2, 3)
fault(struct acl *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
	return false;
}

static bool
parse_fd(struct acl *a, const char *path, int fd)
{
	char text[FILE_MAX];
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return fault(a, "%s: not a file", path);
	len = fd_read_all(fd, text, sizeof(text));
	if (len < 0)
		return fault(a, "%s: %s", path, strerror(errno));
	if (len == sizeof(text))
		return fault(a, "%s: longer than %d bytes", path, FILE_MAX - 1);
	return acl_parse(a, path, text, (size_t)len);
}

/* A file that is not there or is not for this caller says nothing; one that cannot be understood might have said deny. */
static bool
parse_file(struct acl *a, const char *path, bool must)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool good;

	if (fd < 0)
		return (!must && (errno == ENOENT || errno == EACCES)) || fault(a, "%s: %s", path, strerror(errno));
	good = parse_fd(a, path, fd);
	close(fd);
	return good;
}

/* A path that does not say from where would be looked up where the caller is. */
static bool
include(struct acl *a, const char *path, const char *name, unsigned line)
{
	bool good;

	if (*path != '/' || a->depth == DEPTH_MAX || a->files == FILES_MAX)
		return fault(a, "%s: line %u: %s", name, line,
		    *path != '/' ? "an include without its whole path" : "too many includes");
	a->files++;
	a->depth++;
	good = parse_file(a, path, false);
	a->depth--;
	return good;
}

static bool
parse_line(struct acl *a, char *line, const char *name, unsigned n)
{
	const char *verb = next_word(&line), *what = next_word(&line);
	bool *verdict;

	if (!verb || *verb == '#')
		return true;
	if (!what || next_word(&line))
		return fault(a, "%s: line %u: not two words", name, n);
	if (!strcmp(verb, "include"))
		return include(a, what, name, n);
	verdict = !strcmp(verb, "allow") ? &a->allowed : !strcmp(verb, "deny") ? &a->denied : NULL;
	if (!verdict)
		return fault(a, "%s: line %u: neither allow, deny nor include", name, n);
	*verdict |= !strcmp(what, "all") || !strcmp(what, a->bridge);
	return true;
}

bool
acl_parse(struct acl *a, const char *name, char *text, size_t len)
{
	char *end;

	if (memchr(text, '\0', len))
		return fault(a, "%s: not a text", name);
	text[len] = '\0';
	for (unsigned n = 1; *text; text = end, n++) {
		end = text + strcspn(text, "\n");
		if (*end)
			*end++ = '\0';
		if (!parse_line(a, text, name, n))
			return false;
	}
	return true;
}

void
acl_demand(const char *bridge)
{
	struct acl a = {.bridge = bridge};

	if (!parse_file(&a, ACL_FILE, true))
		die("%s", a.why);
	if (a.denied)
		die("%s: " ACL_FILE " denies it", bridge);
	if (!a.allowed)
		die("%s: " ACL_FILE " does not allow it", bridge);
}

/* SPDX-License-Identifier: ISC */
/* Small files of /sys and /proc; the contracts are in read.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "vm-pin/read.h"

#define WHOLE_MAX (64UL << 20)

static struct {
	int err;
	char what[128];
} lacks;

void
read_lacks(const char *what)
{
	if (lacks.err || (errno != EMFILE && errno != ENFILE && errno != ENOMEM))
		return;
	lacks.err = errno;
	snprintf(lacks.what, sizeof(lacks.what), "%s", what);
}

void
read_complete(void)
{
	if (lacks.err)
		die("%s: %s", lacks.what, strerror(lacks.err));
}

static int
open_file(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		read_lacks(path);
	return fd;
}

DIR *
read_dir(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		read_lacks(path);
	if (!d && fd >= 0)
		fd_close_failed(fd);
	return d;
}

bool
read_text(int dir, const char *path, char *text, size_t size)
{
	int fd = open_file(dir, path);
	ssize_t n;

	if (fd < 0)
		return false;
	n = fd_read_all(fd, text, size - 1);
	if (n < 0) {
		read_lacks(path);
		return fd_close_failed(fd) == 0;
	}
	close(fd);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return true;
}

char *
read_whole(int dir, const char *path, size_t *len)
{
	size_t size = 0, have = 0;
	int fd = open_file(dir, path);
	char *text = NULL, *more;
	ssize_t n = 0;

	if (fd < 0)
		return NULL;
	do {
		size = size ? 2 * size : 16384;
		more = size <= WHOLE_MAX ? realloc(text, size) : NULL;
		if (!more) {
			errno = size <= WHOLE_MAX ? ENOMEM : EFBIG;
			break;
		}
		text = more;
		n = fd_read_all(fd, text + have, size - 1 - have);
		have += n > 0 ? (size_t)n : 0;
	} while (n >= 0 && have == size - 1);
	if (n < 0 || !more) {
		read_lacks(path);
		free(text);
		fd_close_failed(fd);
		return NULL;
	}
	close(fd);
	text[have] = '\0';
	*len = have;
	return text;
}

bool
read_number(int dir, const char *path, uint64_t *value)
{
	char text[24];

	return read_text(dir, path, text, sizeof(text)) && num_parse(text, 0, UINT64_MAX, value);
}

bool
read_cpus(int dir, const char *path, struct cpus *c)
{
	char text[CPUS_MAX];

	if (read_text(dir, path, text, sizeof(text)) && cpus_parse(c, text))
		return true;
	*c = (struct cpus){0};
	return false;
}

bool
read_field(const char *text, const char *key, char *value, size_t size)
{
	size_t keylen = strlen(key), len;

	for (; text; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, key, keylen))
			continue;
		text += keylen;
		text += strspn(text, " \t");
		len = strcspn(text, "\n");
		if (len >= size)
			len = size - 1;
		memcpy(value, text, len);
		value[len] = '\0';
		return true;
	}
	return false;
}

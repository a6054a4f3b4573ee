/* SPDX-License-Identifier: ISC */
/* Files of secrets; the contracts are in secret_file.h. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "vm-vnc/secret_file.h"

static int
file_open(const char *word, const char *file)
{
	uint64_t fd;

	if (*file != '@')
		return open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (!num_parse(file + 1, 0, INT32_MAX, &fd))
		die_usage("-O %s=%s: not @ and the number of a descriptor", word, file);
	return (int)fd;
}

char *
secret_file_read(const char *word, const char *file, size_t max, size_t *len)
{
	int fd = file_open(word, file);
	char *text = malloc(max + 1);
	ssize_t n;

	if (!text)
		die("out of memory");
	n = fd < 0 ? -1 : fd_read_all(fd, text, max + 1);
	if (n < 0)
		die_sys("-O %s=%s", word, file);
	if ((size_t)n > max)
		die("-O %s=%s: longer than %zu bytes", word, file, max);
	if (fd > 2)
		close(fd);
	text[n] = '\0';
	*len = (size_t)n;
	return text;
}

void
secret_file_wipe(char *text, size_t len)
{
	explicit_bzero(text, len);
	free(text);
}

/* SPDX-License-Identifier: ISC */
/* Files of listening sockets; the contracts are in socket_file.h. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/socket_file.h"

static struct {
	char **paths;
	size_t n;
	bool own, registered;
} files;

static void
remove_all(void)
{
	for (size_t i = 0; files.own && i < files.n; i++)
		unlink(files.paths[i]);
}

static void
disown(void)
{
	files.own = false;
}

/* A flag and not the process's number, which a sealed child may be forbidden to ask for. */
static bool
prepare(void)
{
	if (!files.registered && (pthread_atfork(NULL, NULL, disown) || atexit(remove_all)))
		return false;
	files.registered = files.own = true;
	return true;
}

int
socket_file_listen(const char *path)
{
	char **paths = reallocarray(files.paths, files.n + 1, sizeof(*paths)), *copy = strdup(path);
	int fd;

	if (paths)
		files.paths = paths;
	fd = paths && copy && prepare() ? fd_listen_unix(path) : -1;
	if (fd >= 0)
		files.paths[files.n++] = copy;
	else
		free(copy);
	return fd;
}

void
socket_file_own(bool own)
{
	files.own = own;
}

void
socket_file_remove(const char *path)
{
	for (size_t i = 0; i < files.n; i++)
		if (!strcmp(files.paths[i], path)) {
			unlink(path);
			free(files.paths[i]);
			files.paths[i] = files.paths[--files.n];
			return;
		}
}

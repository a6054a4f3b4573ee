/* SPDX-License-Identifier: ISC */
/* NBD URIs (doc/uri.md of NetworkBlockDevice/nbd) of Unix sockets; others reach those by socat(1). */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/nbd.h"
#include "vm-img/open_nbd.h"

#define SCHEME "nbd+unix://"

/* Appends the name with %XX for what a wire's value cannot hold. */
static void
append_encoded(char *at, size_t room, const char *name, const char *uri)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/@+-";

	for (; *name; name++) {
		int n = snprintf(at, room, strchr(plain, *name) ? "%c" : "%%%02X", (unsigned char)*name);

		if (n < 0 || (size_t)n >= room)
			die("%s: the export's name is too long", uri);
		at += n;
		room -= (size_t)n;
	}
}

/* The decoded value of socket= in a query. */
static void
find_socket(const char *query, char *path, size_t size, const char *uri)
{
	char raw[PATH_MAX];

	while (query && strncmp(query, "socket=", 7)) {
		query = strchr(query, '&');
		if (query)
			query++;
	}
	if (!query)
		die("%s: no socket= in it", uri);
	query += 7;
	snprintf(raw, sizeof(raw), "%.*s", (int)strcspn(query, "&"), query);
	if (!nbd_name(raw, path, size) || !*path)
		die("%s: socket=%s is no path", uri, raw);
}

int
open_nbd(const char *word, char *keys, size_t size)
{
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)], encoded[NBD_NAME_MAX + 1], name[NBD_NAME_MAX + 1];
	const char *export = word + strlen(SCHEME) + 1, *query = strchr(word, '?');
	int fd, n;

	if (strncmp(word, SCHEME, strlen(SCHEME)))
		return -1;
	if (export[-1] != '/')
		die("%s: nbd+unix:///EXPORT?socket=PATH has no host", word);
	find_socket(query ? query + 1 : NULL, path, sizeof(path), word);
	n = snprintf(encoded, sizeof(encoded), "%.*s", (int)(query - export), export);
	if (n < 0 || (size_t)n >= sizeof(encoded) || !nbd_name(encoded, name, sizeof(name)))
		die("%s: that is no export's name", word);
	fd = fd_connect_unix(path);
	if (fd < 0)
		die_sys("%s", path);
	n = snprintf(keys, size, "as=nbd%s", *name ? ",export=" : "");
	append_encoded(keys + n, size - (size_t)n, name, word);
	return fd_move_high(fd);
}

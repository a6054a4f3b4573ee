/* SPDX-License-Identifier: ISC */
/* Who keeps an interface's addresses; the contracts are in owners.h. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/num.h"
#include "common/util.h"
#include "vm-bridge/owners.h"

/* The value behind "KEY=" at the start of a line, and its length; NULL when there is none. */
static const char *
value_of(const char *text, size_t len, const char *key, size_t *value_len)
{
	size_t n = strlen(key);

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;

		if (line > n && !memcmp(text, key, n) && text[n] == '=') {
			*value_len = line - n - 1;
			return text + n + 1;
		}
		text += line + !!end;
		len -= line + !!end;
	}
	return NULL;
}

static bool
value_is(const char *text, size_t len, const char *key, const char *want)
{
	size_t n;
	const char *v = value_of(text, len, key, &n);

	return v && n == strlen(want) && !memcmp(v, want, n);
}

bool
owners_read_nm(const char *text, size_t len)
{
	return value_is(text, len, "managed", "true");
}

/* networkd lingers on links that it has let go of. */
bool
owners_read_networkd(const char *text, size_t len)
{
	size_t n;

	return value_of(text, len, "ADMIN_STATE", &n) && !value_is(text, len, "ADMIN_STATE", "unmanaged") &&
		!value_is(text, len, "ADMIN_STATE", "linger");
}

static bool
word_is(const char *word, size_t len, const char *want)
{
	return len == strlen(want) && !memcmp(word, want, len);
}

bool
owners_is_dhcp_client(const char *words, size_t len, const char *nic)
{
	static const char *const clients[] = { "dhclient", "udhcpc", "dhcpcd", "dhcpcd:" };
	bool client = false, named = false;
	size_t count = 0;

	/* Blanks part words too: dhcpcd calls itself "dhcpcd: eth0 [ip4]". */
	for (size_t at = 0, n; at < len; at += n + 1, count++) {
		const char *base = words + at;

		for (n = 0; at + n < len && words[at + n] && words[at + n] != ' '; n++)
			if (words[at + n] == '/')
				base = words + at + n + 1;
		/* The second word may be it as well: busybox udhcpc. */
		for (size_t i = 0; count < 2 && i < ARRAY_LEN(clients); i++)
			client |= word_is(base, (size_t)(words + at + n - base), clients[i]);
		named |= word_is(words + at, n, nic);
	}
	return client && named;
}

/* What is in a file, up to the size of buf; 0 when there is none. */
static size_t
slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fd_read_all(fd, buf, size);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n;
}

/* A process of another network namespace has another interface of that name. */
static bool
is_near(const char *pid)
{
	struct stat own, its;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%.20s/ns/net", pid);
	return stat("/proc/self/ns/net", &own) == 0 && stat(path, &its) == 0 && own.st_ino == its.st_ino;
}

static bool
find_dhcp_client(const char *nic)
{
	DIR *proc = opendir("/proc");
	struct dirent *d;
	bool found = false;

	while (proc && !found && (d = readdir(proc))) {
		char path[64], words[2048];
		uint64_t pid;

		if (!num_parse(d->d_name, 1, INT32_MAX, &pid))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/cmdline", d->d_name);
		found = owners_is_dhcp_client(words, slurp(path, words, sizeof(words)), nic) && is_near(d->d_name);
	}
	if (proc)
		closedir(proc);
	return found;
}

const char *
owners_find(const char *nic, int index)
{
	char path[64], text[4096];

	snprintf(path, sizeof(path), "/run/NetworkManager/devices/%d", index);
	if (owners_read_nm(text, slurp(path, text, sizeof(text))))
		return "NetworkManager keeps its addresses (nmcli device set NIC managed no lets go of it)";
	snprintf(path, sizeof(path), "/run/systemd/netif/links/%d", index);
	if (owners_read_networkd(text, slurp(path, text, sizeof(text))))
		return "systemd-networkd keeps its addresses (Unmanaged=yes in its .network file lets go of it)";
	if (find_dhcp_client(nic))
		return "a DHCP client keeps its addresses (it should run on the bridge)";
	return NULL;
}

/* SPDX-License-Identifier: ISC */
/* The MAC address of a net wire that names none: the same at every start, another for every host, guest and wire. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/net_mac.h"

#define FNV_BASIS 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

/* FNV-1a; a NUL ends each part, so that "a","bc" and "ab","c" differ. */
static uint64_t
mix(uint64_t h, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)s[i]) * FNV_PRIME;
	return h * FNV_PRIME;
}

/* Without one all machines are the same; but one that is there is not to be missed now and then. */
static size_t
machine_id(char *id, size_t size)
{
	static const char path[] = "/etc/machine-id";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0;

	if (fd >= 0)
		n = fd_read_all(fd, id, size);
	if (n < 0 || (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES))
		die_sys("%s", path);
	if (fd >= 0)
		close(fd);
	return (size_t)n;
}

uint64_t
net_mac_seed(const char *guest_name)
{
	char id[64];
	uint64_t h = mix(FNV_BASIS, id, machine_id(id, sizeof(id)));

	return guest_name ? mix(h, guest_name, strlen(guest_name)) : h;
}

void
net_mac_default(uint64_t seed, const char *id, uint8_t mac[6])
{
	uint64_t h = mix(seed, id, strlen(id));

	h ^= h >> 24 ^ h >> 48; /* all 64 bits count */
	mac[0] = 0x52;
	mac[1] = 0x54;
	mac[2] = 0x00;
	mac[3] = (uint8_t)(h >> 16);
	mac[4] = (uint8_t)(h >> 8);
	mac[5] = (uint8_t)h;
}

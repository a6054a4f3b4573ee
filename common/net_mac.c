/* SPDX-License-Identifier: ISC */
/* The MAC address of a net wire that names none: the same at every start, another for every host, guest and wire. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

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

uint64_t
net_mac_seed(const char *guest_name)
{
	char id[64];
	int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, id, sizeof(id));
	uint64_t h = mix(FNV_BASIS, id, n < 0 ? 0 : (size_t)n);

	if (fd >= 0)
		close(fd);
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

/* SPDX-License-Identifier: ISC */
/* Settings of interfaces under /proc/sys/net; the contracts are in conf.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "vm-bridge/conf.h"

/* A file of /proc/sys/net/FAMILY/conf/NAME; those of a family that is switched off are not there. */
static int
open_conf(const char *family, const char *name, const char *what, int flags)
{
	char path[96];

	snprintf(path, sizeof(path), "/proc/sys/net/%s/conf/%s/%s", family, name, what);
	return open(path, flags | O_CLOEXEC);
}

void
conf_set(const char *family, const char *name, const char *what, const char *value)
{
	int fd = open_conf(family, name, what, O_WRONLY);

	if (fd < 0)
		return;
	if (fd_write_all(fd, value, strlen(value)) < 0)
		note(1, "%s: %s: %s", name, what, strerror(errno));
	close(fd);
}

void
conf_copy(const char *family, const char *from, const char *to, const char *what)
{
	char value[32];
	int fd = open_conf(family, from, what, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, value, sizeof(value) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	value[n] = '\0';
	conf_set(family, to, what, value);
}

void
conf_copy_all(const char *from, const char *to)
{
	static const char *const confs4[] = { "accept_local", "accept_redirects", "accept_source_route", "arp_accept", "arp_announce", "arp_filter",
		"arp_ignore", "forwarding", "log_martians", "proxy_arp", "route_localnet", "secure_redirects", "send_redirects", "shared_media" };
	static const char *const confs6[] = { "accept_ra", "accept_ra_defrtr", "accept_ra_pinfo", "accept_ra_rt_info_max_plen", "accept_redirects",
		"autoconf", "disable_ipv6", "forwarding", "hop_limit", "use_tempaddr" };

	for (size_t i = 0; i < sizeof(confs4) / sizeof(confs4[0]); i++)
		conf_copy("ipv4", from, to, confs4[i]);
	for (size_t i = 0; i < sizeof(confs6) / sizeof(confs6[0]); i++)
		conf_copy("ipv6", from, to, confs6[i]);
}

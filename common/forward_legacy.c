/* SPDX-License-Identifier: ISC */
/* The policy of iptables-legacy's FORWARD chain; the contract is in forward_legacy.h, the layout in linux/netfilter_ipv4. */
#include <netinet/in.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/forward_legacy.h"

/* To ask for a table that is not there would make it. */
static bool
table_is_there(const char *list)
{
	char line[64];
	bool found = false;
	FILE *f = fopen(list, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strcmp(line, "filter\n");
	if (f)
		fclose(f);
	return found;
}

/* The policy is the verdict of the entry that a chain ends with, and a verdict NF_x is kept as -x - 1. */
static bool
entry_drops(const char *entries, size_t size, size_t at, size_t target_field, size_t head)
{
	struct xt_standard_target t;
	uint16_t target;

	if (at > size || size - at < head)
		return false;
	memcpy(&target, entries + at + target_field, sizeof(target));
	if (target > size - at || size - at - target < sizeof(t))
		return false;
	memcpy(&t, entries + at + target, sizeof(t));
	return !*t.target.u.user.name && t.verdict == -NF_DROP - 1;
}

/* Both families ask with the same numbers and structs; only their entries differ. */
_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO && IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES, "numbers");
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "layout");
_Static_assert(offsetof(struct ipt_get_entries, entrytable) == offsetof(struct ip6t_get_entries, entrytable), "layout");

static bool
policy_drops(int fd, int level, size_t target_field, size_t head)
{
	struct ipt_getinfo info = { .name = "filter" };
	socklen_t len = sizeof(info);
	struct ipt_get_entries *e;
	bool drops = false;

	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0)
		return false;
	len = (socklen_t)(sizeof(*e) + info.size);
	e = calloc(1, len);
	if (e) {
		memcpy(e->name, info.name, sizeof(e->name));
		e->size = info.size;
		drops = getsockopt(fd, level, IPT_SO_GET_ENTRIES, e, &len) == 0 &&
			entry_drops((char *)e->entrytable, info.size, info.underflow[NF_INET_FORWARD], target_field, head);
	}
	free(e);
	return drops;
}

bool
forward_legacy_drops(uint8_t family)
{
	bool ip4 = family == NFPROTO_IPV4, drops;
	int fd;

	if (!table_is_there(ip4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names"))
		return false;
	fd = socket(ip4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (fd < 0)
		return false;
	drops = ip4 ? policy_drops(fd, IPPROTO_IP, offsetof(struct ipt_entry, target_offset), sizeof(struct ipt_entry))
		    : policy_drops(fd, IPPROTO_IPV6, offsetof(struct ip6t_entry, target_offset), sizeof(struct ip6t_entry));
	close(fd);
	return drops;
}

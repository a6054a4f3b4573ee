/* SPDX-License-Identifier: ISC */
/* Name servers that guests can use: those that this host uses, unless only its own resolver knows them. */
#ifndef VM_DHCPD_NAMESERVER_H
#define VM_DHCPD_NAMESERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <netinet/in.h>

#define NAMESERVERS_MAX 3 /* of each family; what resolv.conf(5) has, and resolvers ask */

struct nameservers {
	struct in_addr in[NAMESERVERS_MAX];
	struct in6_addr in6[NAMESERVERS_MAX];
	size_t nin, nin6;
	bool stub; /* one was on the loopback, which no guest reaches */
};

/* Adds the servers that a text such as /etc/resolv.conf names. Not those on the loopback or of a link (fe80::1%eth0). */
void nameservers_parse(struct nameservers *n, const char *text);

/*
 * Reads the host's. Where /etc/resolv.conf names a resolver on the loopback alone, those are taken that this one asks, by the
 * files in which systemd-resolved and NetworkManager tell them. None may be left.
 */
void nameservers_read(struct nameservers *n);

#endif

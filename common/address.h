/* SPDX-License-Identifier: ISC */
/* Addresses of sockets, and the words for them. */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ADDRESS_TEXT_MAX 128 /* of address_format, with its NUL */

union address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

socklen_t address_len(const union address *a);

/* "10.0.2.2:22", "[fe80::1]:22" or the path; without the port when it is 0. */
void address_format(const union address *a, char *buf, size_t size);

/* 0.0.0.0 or ::, an address of a multicast group; of the two families of IP. */
bool address_is_any(const union address *a);
bool address_is_multicast(const union address *a);

/* In host order; 0 for a path. */
uint16_t address_port(const union address *a);
void address_set_port(union address *a, uint16_t port);

/* "1.2.3.4", "[::1]", "[fe80::1%eth0]", or "*" for every IPv4 address. Port 0. */
bool address_parse_host(union address *a, const char *word);

/*
 * [ADDR:]PORT; what is not said is taken from *a. Leaves *spec behind the port and its colon, where more may follow. False
 * with *why, a static text.
 */
bool address_parse(union address *a, const char **spec, const char **why);

/* As address_parse, for [ADDR:]PORT[-PORT]: the last of the range, or the one port, is left in *last. */
bool address_parse_ports(union address *a, uint16_t *last, const char **spec, const char **why);

/* The first len bytes of path, as a Unix socket's. False with *why. */
bool address_parse_path(union address *a, const char *path, size_t len, const char **why);

#endif

/* SPDX-License-Identifier: ISC */
/* Port forwards: from a socket of the host to a port of the guest (-p), and from the guest to something of ours (-g). */
#ifndef VM_SLIRP_FORWARD_H
#define VM_SLIRP_FORWARD_H

#include "common/address.h"

#define FORWARD_TEXT_MAX (2 * ADDRESS_TEXT_MAX + 8) /* of forward_format, with its NUL */

struct forward {
	bool udp;
	union address host;  /* IPv4, IPv6 or Unix */
	union address guest; /* IPv4 or IPv6; the "any" address stands for the guest's own */
};

/*
 * [tcp:|udp:][HOSTADDR:]HOSTPORT[:[GUESTADDR:]GUESTPORT] or /PATH:[GUESTADDR:]GUESTPORT. Without HOSTADDR it is 127.0.0.1,
 * "*" is every IPv4 address, IPv6 addresses stand in brackets. Without a guest's port it is the host's. Pure. On failure
 * false with *why a static text.
 */
bool forward_parse(struct forward *f, const char *spec, const char **why);

/* As forward_parse, for the host's part alone; what follows it is not looked at. */
bool forward_parse_host(struct forward *f, const char *spec, const char **why);

/* Three fields, "tcp\t127.0.0.1:2222\t10.0.2.15:22"; an "any" guest is printed as "guest:22". */
void forward_format(const struct forward *f, char buf[FORWARD_TEXT_MAX]);

/* Both wait on the same socket of the host. */
bool forward_same_host(const struct forward *a, const struct forward *b);

/* The host's socket, bound and (TCP, Unix) listening, non-blocking, close-on-exec; or -1 with errno. */
int forward_listen(const struct forward *f);

enum guestfwd_kind {
	GUESTFWD_COMMAND, /* sh -c, one for each connection, with the connection as stdin and stdout */
	GUESTFWD_CONNECT, /* to a Unix or TCP socket */
	GUESTFWD_SMB,	  /* smbd, one for each connection; made by -W, not by a spec */
};

struct guestfwd {
	enum guestfwd_kind kind;
	struct in_addr addr; /* 0.0.0.0: the default that libslirp gives, .4 of the network */
	uint16_t port;	     /* host order */
	union address target;
	const char *command; /* points into the spec */
};

/* [ADDR:]PORT=TARGET, where TARGET is |COMMAND, /PATH or HOSTADDR:PORT. Pure. On failure false with *why. */
bool guestfwd_parse(struct guestfwd *g, const char *spec, const char **why);

#endif

/* SPDX-License-Identifier: ISC */
/* DHCP messages: what a client or relay sent, and the answer to it (RFC 2131, 2; RFC 2132). */
#ifndef VM_DHCPD_MESSAGE_H
#define VM_DHCPD_MESSAGE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm-dhcpd/put.h"

#define MESSAGE_MIN 240	 /* the fixed fields and the cookie */
#define MESSAGE_MAX 1472 /* of an answer: no fragments on an Ethernet */

enum message_type { /* RFC 2132, 9.6 */
	DHCP_DISCOVER = 1,
	DHCP_OFFER,
	DHCP_REQUEST,
	DHCP_DECLINE,
	DHCP_ACK,
	DHCP_NAK,
	DHCP_RELEASE,
	DHCP_INFORM,
};

enum option { /* those that the server itself knows */
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_HOSTNAME = 12,
	OPT_MTU = 26,
	OPT_BROADCAST = 28,
	OPT_VENDOR = 43,
	OPT_REQUESTED = 50,
	OPT_LEASE_TIME = 51,
	OPT_OVERLOAD = 52,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_PARAMETERS = 55,
	OPT_TEXT = 56,
	OPT_MAX_SIZE = 57,
	OPT_T1 = 58,
	OPT_T2 = 59,
	OPT_CLASS = 60,
	OPT_CLIENT_ID = 61,
	OPT_BOOT_SERVER = 66,
	OPT_BOOT_FILE = 67,
	OPT_USER_CLASS = 77,
	OPT_RAPID = 80,	 /* RFC 4039 */
	OPT_FQDN = 81,	 /* RFC 4702 */
	OPT_AGENT = 82,	 /* RFC 3046 */
	OPT_ARCH = 93,	 /* RFC 4578 */
	OPT_MACHINE = 97, /* RFC 4578 */
	OPT_SUBNET = 118, /* RFC 3011 */
	OPT_SEARCH = 119,
	OPT_ROUTES = 121, /* RFC 3442 */
	OPT_IPXE = 175,
	OPT_ROUTES_MS = 249, /* the same, as Windows had it first */
	OPT_END = 255,
};

struct message {
	uint8_t type, htype, hlen;
	uint8_t overload; /* fields that held options: 1 file, 2 sname */
	bool broadcast;	  /* the client cannot take a unicast yet */
	uint8_t xid[4], secs[2], flags[2];
	struct in_addr ciaddr, giaddr;
	uint8_t chaddr[16];
	/* Options, wherever they stood, the pieces of each joined (RFC 3396). at is 0 where there is none. */
	struct {
		uint16_t at, len;
	} option[256];
	uint8_t bytes[1 + 1500]; /* at counts from 1 */
};

/* False for what is no request in DHCP: then nothing is to be said. Any bytes will do. */
bool message_parse(struct message *m, const uint8_t *p, size_t len);

/* The bytes of an option, or NULL where it is absent or has fewer than `min` of them. len may be NULL. */
const uint8_t *message_option(const struct message *m, unsigned code, size_t min, size_t *len);

/* The address in an option; 0.0.0.0 where it is absent or not one address long. */
struct in_addr message_address(const struct message *m, unsigned code);

/* An answer under way. Options go into the options field, then into file and sname where these are free (RFC 2131, 4.1). */
struct answer {
	uint8_t *buf;		    /* the caller's, MESSAGE_MAX bytes */
	struct put options, file, sname;
	const struct message *to;
	bool full; /* an option found no room */
};

/* Begins the answer to a request, with its fixed fields copied and its type set; at most `size` bytes, 300 at least. */
void answer_begin(struct answer *a, uint8_t *buf, size_t size, const struct message *to, enum message_type type);
void answer_yiaddr(struct answer *a, struct in_addr addr);
void answer_siaddr(struct answer *a, struct in_addr addr);

/* The fields sname and file, for a boot server and file; no options go there any more. Too long: false, nothing done. */
bool answer_boot(struct answer *a, const char *sname, const char *file);

/* One option, of any length: what is longer than 255 is split. All of it or nothing. */
void answer_option(struct answer *a, unsigned code, const void *bytes, size_t len);
void answer_option32(struct answer *a, unsigned code, uint32_t v);
void answer_address(struct answer *a, unsigned code, struct in_addr addr);

/* Ends it; the length of the message. */
size_t answer_end(struct answer *a);

#endif

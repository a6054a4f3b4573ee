/* SPDX-License-Identifier: ISC */
/*
 * A line of a lease log (vm-dhcpd(8), Leases): a word, address, MAC, time, name and client identifier, parted by
 * tabs, and a sum of them, so that a line is either whole or no line. A later line about an address or a client replaces
 * earlier ones.
 */
#ifndef VM_DHCPD_RECORD_H
#define VM_DHCPD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm-dhcpd/pool.h"

#define RECORD_MAX 400 /* bytes of a line, its newline among them */

enum record_what {
	RECORD_BOUND, /* up to `until` */
	RECORD_PAST,  /* given back at `until`; the client may have it again */
	RECORD_ASIDE, /* nobody's up to `until`: somebody else uses it */
	RECORD_END,   /* behind the last record of a copy: it is complete */
};

struct record {
	enum record_what what;
	uint32_t addr;	/* host order */
	uint8_t mac[6]; /* zero in RECORD_ASIDE */
	int64_t until;	/* seconds since 1970; INT64_MAX: for ever */
	char name[NAME_MAX_LEN + 1];
	uint8_t id[ID_MAX];
	uint8_t id_len; /* 0: the lease is the MAC's */
};

/* Writes the line with its newline; its length. */
size_t record_format(const struct record *r, char line[RECORD_MAX]);

/* The line in p[0..len), without its newline. False when it is none, whatever the bytes. */
bool record_parse(struct record *r, const char *p, size_t len);

#endif

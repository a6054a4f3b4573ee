/* SPDX-License-Identifier: ISC */
/* The words of -O: what guests are told (DHCP's options), and how the server behaves. */
#ifndef VM_DHCPD_SETTING_H
#define VM_DHCPD_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vm-dhcpd/setting6.h"

#define LEASE_INFINITE UINT32_MAX /* RFC 2131, 3.3 */

/* The bytes of one DHCP option as they go into an answer; more than 255 are sent as several options (RFC 3396). */
struct setting {
	uint8_t *bytes;
	size_t len; /* 0 of a setting that was given: "none", do not send the default either */
	bool given;
};

struct settings {
	struct setting option[256]; /* by DHCP's numbers */
	uint32_t lease, t1, t2;	    /* seconds; t1 and t2 0: by the lease */
	unsigned probe_ms;	    /* how long a new address is asked for; 0: not at all */
	bool by_id;		    /* leases belong to client identifiers, not to MAC addresses */
	bool silent;		    /* not authoritative: never a NAK */
	bool no_rapid;		    /* no rapid commit */
	struct settings6 v6;
};

void settings_init(struct settings *s);

/* KEY=VALUE; lists grow by each. NULL, or what is wrong with it. */
const char *settings_add(struct settings *s, const char *word);

/* A name, a tab and a value a line; options as their number and bytes. */
void settings_print(const struct settings *s);

#endif

/* SPDX-License-Identifier: ISC */
/* What the user asked for. */
#ifndef VM_DHCPD_OPTIONS_H
#define VM_DHCPD_OPTIONS_H

#include "vm-dhcpd/pool.h"
#include "vm-dhcpd/pxe.h"
#include "vm-dhcpd/setting.h"

#define STATE_DIR "/var/lib/vm-dhcpd"

enum mode {
	MODE_SERVE,
	MODE_WAIT, /* MAC: print the guest's address as soon as it has one */
	MODE_LIST, /* print the leases */
};

struct options {
	enum mode mode;
	const char *bridge; /* -b; NULL: a wire, or (wait, list) every one */
	int wire_fd;	    /* of a net wire, without -b; else -1 */
	struct in_addr host; /* -a: the server's own address, and its network; 0: the interface's */
	unsigned prefix_len;
	struct pool pool;	 /* -L, -G */
	struct settings settings; /* -O */
	struct pxe pxe;		 /* -E, -e */
	const char *tftp_dir;	 /* -T; NULL: no TFTP */

	const char *dir;  /* -d; NULL: nothing is kept, as without a bridge nothing is unless asked for */
	const char *user; /* -U; NULL: nobody, if root */
	int ready_fd;	  /* -R; -1: none */
	int wait_seconds; /* -t; -1: without end */
	uint8_t mac[6];	  /* MODE_WAIT */
	bool json, check; /* -j, -n */
};

/* Checks everything that needs no look at the host; exits 2 with a line that names the word. */
void options_parse(struct options *o, int argc, char **argv);

#endif

/* SPDX-License-Identifier: ISC */
/* What the files of the TFTP server share. */
#ifndef VM_DHCPD_TFTP_H
#define VM_DHCPD_TFTP_H

#include <net/if.h>

#include "common/timer.h"
#include "vm-dhcpd/tftp_packet.h"
#include "vm-dhcpd/udp.h"

#define TFTP_TRANSFERS 64

struct tftp_transfer {
	int file; /* -1: this place is free */
	uint64_t size;
	struct udp_peer peer;
	struct tftp_request options;
	struct tftp_window window;
	int64_t heard, due; /* of timer_now: the last progress; when to send again */
	unsigned pause;	    /* ms until then; it doubles */
	char name[64];	    /* for messages */
};

struct tftp {
	int root;
	const char *ifname; /* IF_NAMESIZE bytes */
	struct watch v4, v6;
	struct timer timer;
	int64_t armed; /* when the timer runs out: never after a transfer's `due` */
	bool no_segments; /* this kernel or interface cannot cut one datagram into many */
	struct tftp_transfer transfers[TFTP_TRANSFERS];
	uint8_t data[65536]; /* blocks on their way from a file to the socket */
};

#endif

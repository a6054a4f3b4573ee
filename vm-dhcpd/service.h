/* SPDX-License-Identifier: ISC */
/*
 * The parts of the server. Each is a struct service, listed in main.c, with state of its own behind its open function;
 * they share the loop, the interface and the options.
 */
#ifndef VM_DHCPD_SERVICE_H
#define VM_DHCPD_SERVICE_H

#include "common/loop.h"
#include "vm-dhcpd/iface.h"
#include "vm-dhcpd/nameserver.h"
#include "vm-dhcpd/options.h"

struct dhcpd {
	const struct options *options;
	struct iface iface; /* of -b, as it was at the start; index 0 with a wire */
	struct nameservers nameservers; /* the host's, as they were read last */
	struct loop loop;
	bool failed; /* the loop was stopped by a failure, which has been told */
};

struct service {
	/* -n: what it would serve; a name and its values a line, parted by tabs. Opens nothing. NULL: nothing to say. */
	void (*print)(struct dhcpd *d);
	/*
	 * With the caller's rights: opens sockets, files and timers, and watches them in d->loop, which does not run yet. Dies
	 * with a reason when it cannot. What nobody asked for returns at once. NULL: nothing to open.
	 */
	void (*open)(struct dhcpd *d);
	/*
	 * Sealed: no path, no socket and no right can be had any more, and the system calls are those that main.c lists. The
	 * first packets may be sent. NULL: nothing to do.
	 */
	void (*start)(struct dhcpd *d);
	/* The server was told to end: last words to the network. NULL: none. */
	void (*stop)(struct dhcpd *d);
};

extern const struct service dhcp4_service;
extern const struct service ra_service;
extern const struct service dhcp6_service;
extern const struct service tftp_service;

#endif

/* SPDX-License-Identifier: ISC */
/* The command line of the verbs that make bridges, and of those that only name one. */
#ifndef VM_BRIDGE_OPTIONS_H
#define VM_BRIDGE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/prefix.h"
#include "vm-bridge/settings.h"
#include "vm-bridge/vxlan.h"

#define ADDRESSES_MAX 16
#define VXLANS_MAX 16

struct options {
	const char *bridge;
	struct prefix addresses[ADDRESSES_MAX];
	size_t naddresses;
	struct attrs settings;
	const char *mac_word; /* of -O mac=, unresolved: an address or an interface's name */
	uint32_t mtu;	      /* 0: not given */
	struct vxlan vxlans[VXLANS_MAX];
	size_t nvxlans;
	char **operands; /* behind the bridge: ports, or the program; ends with NULL */
	bool force, check, json;
	const char *dir, *user;
	int ready_fd;
	unsigned seconds;
};

/*
 * Parses with the letters given, in getopt's form. The bridge is the first operand, or -b's where the letters have that.
 * Every fault ends the process with 2.
 */
void options_parse(struct options *o, int argc, char **argv, const char *letters);

/* No operand is left, or exits with 2. */
void options_end(const struct options *o);

#endif

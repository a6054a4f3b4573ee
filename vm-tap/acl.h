/* SPDX-License-Identifier: ISC */
/*
 * Who may use which bridge: the file of qemu-bridge-helper. Lines "allow BRIDGE", "deny BRIDGE", "include FILE", where
 * BRIDGE may be "all"; # begins a comment. Nothing is allowed that is not said to be, and deny wins. An include that the caller
 * cannot read is passed over, so that the rights of a file say whom its lines are for.
 */
#ifndef VM_TAP_ACL_H
#define VM_TAP_ACL_H

#include <stdbool.h>
#include <stddef.h>

#ifndef ACL_FILE
#define ACL_FILE "/etc/qemu/bridge.conf"
#endif

struct acl {
	const char *bridge; /* the one it is about */
	bool allowed, denied;
	unsigned depth, files; /* of includes */
	char why[256];	       /* it could not be understood */
};

/*
 * Takes the lines of a file of that name, which is for messages; text has room for one byte more, and is changed. False on what
 * it does not understand, since that may have been a deny. Nothing of the text is in a->why: the file may not be for the caller.
 */
bool acl_parse(struct acl *a, const char *name, char *text, size_t len);

/* Dies unless ACL_FILE allows the bridge. */
void acl_demand(const char *bridge);

#endif

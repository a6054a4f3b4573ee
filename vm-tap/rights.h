/* SPDX-License-Identifier: ISC */
/*
 * Rights that the caller does not have: this program may be set-user-ID root or carry the file capability cap_net_admin. They
 * serve for one thing, a new tap on a bridge that the ACL allows; all else is done with the caller's own.
 */
#ifndef VM_TAP_RIGHTS_H
#define VM_TAP_RIGHTS_H

#include <stdbool.h>

/* First of all: becomes the caller again, but for CAP_NET_ADMIN. Whether that is lent and not the caller's own. */
bool rights_settle(void);

/* Gives back what was lent; no way back. */
void rights_return(void);

#endif

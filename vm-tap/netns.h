/* SPDX-License-Identifier: ISC */
/* Other network namespaces. */
#ifndef VM_TAP_NETNS_H
#define VM_TAP_NETNS_H

/*
 * Enters the namespace: a name under /run/netns, a path, or the id of a process. One that belongs to a user namespace of the
 * caller's is entered by way of that, from which there is no way back. Dies when it cannot.
 */
void netns_enter(const char *word);

#endif

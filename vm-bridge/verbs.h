/* SPDX-License-Identifier: ISC */
/*
 * What vm-bridge can be told to do. Each verb is called with itself as argv[0] and its own options and operands behind it,
 * parses them with getopt, and returns the exit status.
 */
#ifndef VM_BRIDGE_VERBS_H
#define VM_BRIDGE_VERBS_H

int verb_list(int argc, char **argv);

#endif

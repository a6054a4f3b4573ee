/* SPDX-License-Identifier: ISC */
/*
 * What vm-bridge can be told to do. Each verb is called with itself as argv[0] and its own options and operands behind it,
 * parses them with getopt, and returns the exit status.
 */
#ifndef VM_BRIDGE_VERBS_H
#define VM_BRIDGE_VERBS_H

int verb_add(int argc, char **argv);
int verb_set(int argc, char **argv);
int verb_del(int argc, char **argv);
int verb_idle(int argc, char **argv);
int verb_adopt(int argc, char **argv);
int verb_confirm(int argc, char **argv);
int verb_release(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_show(int argc, char **argv);
int verb_fdb(int argc, char **argv);

/* The form without a verb, told by the option that stands in its place; argv[0] is the program's own name. */
int verb_load(int argc, char **argv);

/* Segments without a bridge, for which nobody need be root. */
int verb_pair(int argc, char **argv);
int verb_hub(int argc, char **argv);
int verb_listen(int argc, char **argv);
int verb_connect(int argc, char **argv);
int verb_udp(int argc, char **argv);
int verb_mcast(int argc, char **argv);

#endif

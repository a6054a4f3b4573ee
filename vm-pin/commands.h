/* SPDX-License-Identifier: ISC */
/* The verbs of vm-pin. argv[0] is the verb; of the loader, the program. Each returns the exit status. */
#ifndef VM_PIN_COMMANDS_H
#define VM_PIN_COMMANDS_H

int cmd_check(int argc, char **argv);
int cmd_host(int argc, char **argv);
int cmd_load(int argc, char **argv); /* the loader: vm-pin [option ...] [place ...] program [argument ...] */
int cmd_pci(int argc, char **argv);
int cmd_set(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_undo(int argc, char **argv);

/*
 * getopt for the verbs: the next letter of optstring ("+:jn"), or -1. It does -q and -v itself, which every verb has, and dies of
 * letters that are not there and of arguments that are missing.
 */
int next_option(int argc, char **argv, const char *optstring);

#endif

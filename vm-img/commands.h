/* SPDX-License-Identifier: ISC */
/* The subcommands. Each gets its own words, argv[0] being its name, and returns vm-img's exit status. */
#ifndef VM_IMG_COMMANDS_H
#define VM_IMG_COMMANDS_H

int cmd_amend(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_bitmap(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_commit(int argc, char **argv);
int cmd_compact(int argc, char **argv);
int cmd_compare(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_create(int argc, char **argv);
int cmd_dd(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_measure(int argc, char **argv);
int cmd_open(int argc, char **argv);
int cmd_rebase(int argc, char **argv);
int cmd_resize(int argc, char **argv);
int cmd_serve(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);

/* Prints what the subcommand of that name is and takes, and exits. */
_Noreturn void command_help(const char *name);

#endif

/* SPDX-License-Identifier: ISC */
/* vm-pin: where guests' vCPUs run: the host they run on, the guests that are there, and the placing of one on the other. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-pin/commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *synopsis;
} commands[] = {
    {"host", cmd_host, "[-j] [reserve]"},
    {"show", cmd_show, "[-j] [guest]"},
    {"check", cmd_check, "[-j] [guest ...]"},
    {"set", cmd_set, "[-anx] [-d dir] guest place ... | -"},
    {"undo", cmd_undo, "[-n] [-d dir] guest"},
    {"pci", cmd_pci, "[-jn] [-N vmm] [-S socket] [-U user] [address ...] [program [argument ...]]"},
};

static _Noreturn void
help(void)
{
	printf("usage: %s [-anx] [-R fd] [-U user] place ... program [argument ...]\n", diag_prog);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("       %s %s %s\n", diag_prog, commands[i].name, commands[i].synopsis);
	puts("guest:   pid | socket | ctl,fd=number\n"
	     "place:   0=2 | 0-3==4-7 | vcpus|io|main|all=cpus[@class[:number]] | memory=nodes | cpuset=cpus | within=cpus\n"
	     "process: [-qv]");
	flush_stdout();
	exit(0);
}

int
next_option(int argc, char **argv, const char *optstring)
{
	int c;

	while ((c = getopt(argc, argv, optstring)) != -1) {
		if (c == 'q')
			diag_verbose = -1;
		else if (c == 'v')
			diag_verbose++;
		else if (c == ':')
			die_usage("-%c: an argument is missing", optopt);
		else if (c == '?')
			die_usage("-%c: no such option (try --help)", optopt);
		else
			return c;
	}
	return -1;
}

int
main(int argc, char **argv)
{
	int status = -1;

	diag_init(argv[0], 1);
	if (argc > 1 && !strcmp(argv[1], "--help"))
		help();
	diag_long_options(argc, argv, "");
	for (size_t i = 0; argc > 1 && status < 0 && i < ARRAY_LEN(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			status = commands[i].run(argc - 1, argv + 1);
	if (status < 0)
		status = cmd_load(argc, argv);
	flush_stdout();
	return status;
}

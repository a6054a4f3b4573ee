/* SPDX-License-Identifier: ISC */
/* vm-img: disk images made, looked at, changed. Subcommands and options are qemu-img's; called by that name, habits too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/diag.h"
#include "common/util.h"
#include "vm-img/commands.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *what;
	const char *synopsis;
} commands[] = {
    {"amend", cmd_amend, "change options of an image", "[-pq] [-f fmt] [-t cache] [--force] -o options file"},
    {"bench", cmd_bench, "how long requests to a disk take",
	"[-nqUw] [-c count] [-d depth] [-f fmt] [-i aio] [-o offset] [-s size] [-S step] [-t cache]\n\t[--pattern=byte] "
	"[--flush-interval=count] [--no-drain] file"},
    {"bitmap", cmd_bitmap, "dirty bitmaps: add, remove, clear, merge",
     "[-f fmt] [-g granularity] [-b source [-F fmt]] --add|--remove|--clear|--enable|--disable|--merge bitmap ... file bitmap"},
    {"check", cmd_check, "whether an image is consistent; repairs", "[-pqU] [-f fmt] [-r leaks|all] [-T cache] [--output=human|json] file"},
    {"commit", cmd_commit, "write what an image holds into one below it", "[-dpq] [-f fmt] [-b base] [-r rate] [-t cache] file"},
    {"compact", cmd_compact, "make an image smaller where it is", "[-pq] [-f fmt] file"},
    {"compare", cmd_compare, "do two images' disks hold the same?", "[-jpqsU] [-f fmt] [-F fmt] [-T cache] file file"},
    {"convert", cmd_convert, "copy images' disks into a new image",
	"[-cCjnpqUW] [-f fmt] [-O fmt] [-o options] [-B backing -F fmt] [-l snapshot] [-S sparse_size]\n\t[-m threads] [-r rate] "
	"[-t cache] [-T cache] [--bitmaps] [--salvage] [--target-is-zero] [--window=size] file ... output"},
    {"create", cmd_create, "make an image", "[-qu] [-f fmt] [-b backing -F fmt] [-o options] file [size]"},
    {"dd", cmd_dd, "blocks of a disk into a new image", "[-U] [-f fmt] [-O fmt] if=input of=output [bs=size] [count=blocks] [skip=blocks]"},
    {"info", cmd_info, "what an image is", "[-U] [-f fmt] [--backing-chain] [--output=human|json] file"},
    {"map", cmd_map, "where the bytes of a disk are", "[-U] [-f fmt] [-s offset] [-l length] [--output=human|json] file"},
    {"measure", cmd_measure, "how large an image will be", "[-U] [-f fmt] [-O fmt] [-o options] [-l snapshot] [--output=human|json] --size N|file"},
    {"open", cmd_open, "hand an image and all it lies on to a program, as a wire",
	"[-rU] [-f fmt] [--follow] [--key file] [-o key=value,...] [-S socket] image [program [argument ...]]"},
    {"rebase", cmd_rebase, "put an image on top of another one", "[-pquU] [-f fmt] [-t cache] [-T cache] -b backing [-F fmt] file"},
    {"resize", cmd_resize, "make a disk longer or shorter", "[-q] [-f fmt] [--preallocation=how] [--shrink] file [+|-]size"},
    {"serve", cmd_serve, "export an image over NBD",
	"-l socket|fd [-rU] [-f fmt] [-R fd] [-t cache] [-x name] file"},
    {"snapshot", cmd_snapshot, "list, make, go back to, delete snapshots", "[-qU] [-f fmt] [-l | -a snapshot | -c name | -d name] file"},
};

static _Noreturn void
help(void)
{
	printf("usage: %s command [option ...] [operand ...]     (%s command --help tells its options)\n", diag_prog, diag_prog);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("       %-9s %s\n", commands[i].name, commands[i].what);
	flush_stdout();
	exit(0);
}

static const struct command *
find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		if (!strcmp(name, commands[i].name))
			return &commands[i];
	return NULL;
}

void
command_help(const char *name)
{
	const struct command *c = find(name);

	printf("usage: %s %s %s\n%s\n", diag_prog, c->name, c->synopsis, c->what);
	if (strcmp(c->name, "create"))
		puts("of images that are opened: [--follow] [--image-opts] [--object secret,id=name,file=path]");
	flush_stdout();
	exit(0);
}

/* Scripts read the first line, and only its number; 7.2 is whose command lines these are. */
static _Noreturn void
qemu_img_version(void)
{
	printf("qemu-img version 7.2.0 (kvm-utils %s)\n", VERSION);
	flush_stdout();
	exit(0);
}

int
main(int argc, char **argv)
{
	const struct command *c;
	int status;

	diag_init(argv[0], 1);
	if (argc < 2)
		die("no command (try --help)");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		help();
	if (!strcmp(diag_prog, "qemu-img") && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")))
		qemu_img_version();
	diag_long_options(argc, argv, "");
	c = find(argv[1]);
	if (!c)
		die("%s: no such command (try --help)", argv[1]);
	status = c->run(argc - 1, argv + 1);
	flush_stdout();
	return status;
}

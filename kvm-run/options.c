/* SPDX-License-Identifier: ISC */
/* kvm-run's command line; what the options mean is told in kvm-run(1). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/num.h"
#include "kvm-run/options.h"

#define HOT_SLOTS_MAX 16

/* Serial console; a panic ends the run (status 4) instead of hanging; the kernel's self-tests of its ciphers, which take
 * half of a small guest's boot, are left to those who ask for them. */
#define CMDLINE_DEFAULT "console=ttyS0 panic=-1 cryptomgr.notests"
#define CMDLINE_DISPLAY "console=tty0 " CMDLINE_DEFAULT /* with a display; the last one is /dev/console */

static const char usage[] =
    "usage: kvm-run [-nPqrv] [-A words] [-B order] [-C path] [-c vcpus] [-F firmware] [-H slots]\n"
    "               [-I name] [-i initrd] [-K cmdline] [-k kernel] [-M model] [-m memory] [-N vmm]\n"
    "               [-R fd] [-w wire]...\n"
    "  -k kernel  bzImage or ELF vmlinux     -i initrd\n"
    "  -F file    firmware, such as SeaBIOS   -B order   what it boots: disk, cdrom, net\n"
    "  -K words   kernel command line in place of \"" CMDLINE_DEFAULT "\"\n"
    "  -A words   append to the kernel command line\n"
    "  -m size    memory, in MiB or with K, M, G, T (256M)\n"
    "  -c count   vCPUs (1)                  -H count   slots for hot-plug (0)\n"
    "  -M model   kind of processor (host)   -P         take all memory at the start\n"
    "  -w wire    a device, see vm-wires(7)  -w @fd     read wires from fd\n"
    "  -C path    make a control socket      -I name    name of the guest\n"
    "  -r         reboot in place            -R fd      write a newline when ready\n"
    "  -n         check and print the wires  -N vmm     print them as arguments of qemu, ch, crosvm\n"
    "  -q, -v     say less, more\n";

static void
add_word(struct wires *ws, const char *word)
{
	wires_add(ws, word, strlen(word));
}

/* A file named on the command line becomes a wire like any other. */
static void
add_file(struct wires *ws, const char *kind, const char *path)
{
	char word[64];
	int fd = open(path, O_RDONLY | O_NOCTTY);

	if (fd < 0) {
		diag_exit = 2;
		die_sys("%s", path);
	}
	snprintf(word, sizeof(word), "%s,fd=%d", kind, fd_move_high(fd));
	add_word(ws, word);
}

static void
add_wire(struct wires *ws, const char *arg)
{
	if (arg[0] == '@')
		wires_load_fd(ws, (int)num_opt('w', arg + 1, 0, 1 << 20));
	else
		add_word(ws, arg);
}

static void
add_order(struct boot_options *b, const char *words)
{
	char text[128];
	const char *why = bootorder_parse(b, words, text, sizeof(text));

	if (why)
		die_usage("-B %s", why);
}

static void
read_topology(struct topology *t, const char *words)
{
	char text[128];
	const char *why = topology_parse(t, words, text, sizeof(text));

	if (why)
		die_usage("-c %s: %s", words, why);
}

static void
read_memory(struct memory_options *m, const char *words)
{
	char text[128];
	const char *why = memory_options_parse(m, words, text, sizeof(text));

	if (why)
		die_usage("-m %s: %s", words, why);
}

static void
parse_cpu(struct cpu_option *o, const char *text)
{
	struct why w;
	const char *why = cpu_option_parse(o, cpu_option_text(text), &w);

	if (why)
		die_usage("-M %s", why);
}

/* *words is NULL at first, or what this has made. */
static void
add_words(char **words, const char *more)
{
	char *s;

	if (asprintf(&s, "%s%s%s", *words ? *words : "", *words && **words && *more ? " " : "", more) < 0)
		die_sys("-A");
	free(*words);
	*words = s;
}

void
options_parse(struct options *o, struct wires *ws, int argc, char **argv)
{
	char *append = NULL, *cmdline = NULL;
	int c;

	*o = (struct options){.ready_fd = -1,
	    .vm = {.name = "vm", .memory = MEMORY_OPTIONS_NONE, .cpus = TOPOLOGY_ONE, .boot = BOOT_OPTIONS_NONE}};
	parse_cpu(&o->vm.cpu, NULL);
	diag_long_options(argc, argv, usage);
	wires_load_env(ws);
	while ((c = getopt(argc, argv, "+A:B:C:c:F:H:I:i:K:k:M:m:N:nPqR:rvw:")) != -1) {
		switch (c) {
		case 'A': add_words(&append, optarg); break;
		case 'B': add_order(&o->vm.boot, optarg); break;
		case 'C': o->vm.ctl_path = optarg; break;
		case 'c': read_topology(&o->vm.cpus, optarg); break;
		case 'F': add_file(ws, "fw", optarg); break;
		case 'H': o->vm.hot_slots = (unsigned)num_opt('H', optarg, 0, HOT_SLOTS_MAX); break;
		case 'I': o->vm.name = optarg; break;
		case 'i': add_file(ws, "init", optarg); break;
		case 'K': o->vm.cmdline = optarg; break;
		case 'k': add_file(ws, "kern", optarg); break;
		case 'M': parse_cpu(&o->vm.cpu, optarg); break;
		case 'm': read_memory(&o->vm.memory, optarg); break;
		case 'N': o->foreign = optarg; o->show = SHOW_FOREIGN; break;
		case 'n': o->show = SHOW_WIRES; break;
		case 'P': o->vm.populate = true; break;
		case 'q': diag_verbose = -1; break;
		case 'R': o->ready_fd = (int)num_opt('R', optarg, 1, 1 << 20); break;
		case 'r': o->vm.reboot = true; break;
		case 'v': diag_verbose++; break;
		case 'w': add_wire(ws, optarg); break;
		default: exit(2);
		}
	}
	if (optind < argc)
		die_usage("%s: no operand is wanted", argv[optind]);
	if (!o->vm.cmdline)
		o->vm.cmdline = wires_first(ws, WIRE_FB) ? CMDLINE_DISPLAY : CMDLINE_DEFAULT;
	add_words(&cmdline, o->vm.cmdline);
	add_words(&cmdline, append ? append : "");
	free(append);
	o->vm.cmdline = cmdline;
}

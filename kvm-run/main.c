/* SPDX-License-Identifier: ISC */
/* kvm-run: run one KVM guest from its wires. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/ready.h"
#include "common/seal.h"
#include "common/socket_file.h"
#include "kvm-run/cpu_show.h"
#include "kvm-run/firmware.h"
#include "kvm-run/options.h"
#include "kvm-run/seal_threads.h"
#include "kvm-run/signals.h"
#include "kvm-run/vm_setup.h"
#include "kvm-run/wiring.h"

/* -C: only once no wire is at fault; gone again however the process exits. */
static void
add_ctl(struct wires *ws, const char *path)
{
	int fd = socket_file_listen(path);
	char word[32];

	if (fd < 0)
		die_sys("%s", path);
	snprintf(word, sizeof(word), "ctl,fd=%d", fd_move_high(fd));
	wires_add(ws, word, strlen(word));
}

/* A kernel is booted directly, or firmware finds one on a disk. */
static void
check_boot(struct vm *vm)
{
	bool kernel = wires_first(&vm->wires, WIRE_KERN), firmware = firmware_wire(vm);
	const char *fault = NULL;

	if (!kernel && !firmware)
		fault = "no kernel: give -k or a kern wire; or firmware by -F or a fw wire";
	else if (kernel && firmware)
		fault = "a kernel and firmware: give one of them; firmware boots from disks and networks";
	else if (firmware && wires_first(&vm->wires, WIRE_INIT))
		fault = "an initrd and firmware: it comes with a kernel only";
	else if (kernel && vm->opt.boot.given)
		fault = "-B: a kernel that is given is booted, and nothing else";
	if (fault) {
		error("%s", fault);
		vm->wires.faults++;
	}
	bootorder_check(&vm->opt.boot, &vm->wires);
}

/* -n and -N: what a script or another VMM wants to know. */
static int
show(const struct options *o, struct wires *ws)
{
	int status = VM_WIRING;

	if (o->show == SHOW_FOREIGN) {
		status = wiring_print_foreign(ws, o->foreign, o->vm.name);
	} else {
		wiring_check(ws);
		if (!ws->faults) {
			wiring_print(ws);
			status = 0;
		}
	}
	flush_stdout();
	return status;
}

int
main(int argc, char **argv)
{
	static struct vm vm;
	struct options opt;
	enum vm_end end;

	diag_init(argv[0], VM_HOST_ERROR);
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_ARENA_MAX, 1); /* one more, for the ninth thread or so, would open a file of /sys: the seal kills for that */
	options_parse(&opt, &vm.wires, argc, argv);
	vm.opt = opt.vm;
	if (vm.opt.cpu.show != CPU_SHOW_NOTHING)
		return cpu_show(&vm.opt.cpu);
	if (opt.show != SHOW_NOTHING)
		return show(&opt, &vm.wires);
	if (!wiring_has_console(&vm.wires))
		wires_add(&vm.wires, "con,fd=0:1", strlen("con,fd=0:1"));
	wiring_check(&vm.wires);
	check_boot(&vm);
	if (vm.wires.faults)
		exit(VM_WIRING);
	if (vm.opt.ctl_path)
		add_ctl(&vm.wires, vm.opt.ctl_path);
	wires_close_others(&vm.wires, opt.ready_fd);

	vm_acquire(&vm);
	seal_privileges(); /* before the first thread: each has rights of its own */
	vm_build(&vm);
	signals_watch(&vm);
	ready_prepare();
	seal_thread_main();
	ready_announce(opt.ready_fd);
	end = vm_run(&vm);
	vm_close(&vm);
	return (int)end;
}

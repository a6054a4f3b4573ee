/* links: vm-pin/cgroup.c vm-pin/check.c vm-pin/check_cores.c vm-pin/check_cpus.c vm-pin/check_memory.c vm-pin/cpulist.c vm-pin/guest.c vm-pin/guest_kvm.c vm-pin/guest_name.c vm-pin/guest_ram.c vm-pin/guest_threads.c vm-pin/host.c vm-pin/host_cache.c vm-pin/host_node.c vm-pin/json.c vm-pin/placement.c vm-pin/read.c vm-pin/show_guest.c vm-pin/show_host.c vm-pin/talk.c vm-pin/talk_ctl.c vm-pin/talk_qmp.c */
/* SPDX-License-Identifier: ISC */
/* pin-at DIR host | show [GUEST] | check [GUEST]...: as those of vm-pin, on the machine whose /proc and /sys are in DIR. */
#include <string.h>

#include "common/diag.h"
#include "vm-pin/check.h"
#include "vm-pin/show.h"

int
main(int argc, char **argv)
{
	struct printer p = {.form = PRINT_ROWS};
	const char *reason = NULL;
	unsigned found = 0;
	struct guest g;
	struct why w;
	int root;

	diag_init(argv[0], 1);
	if (argc < 3)
		die_usage("usage: pin-at DIR host | show [GUEST] | check [GUEST]...");
	root = host_root(argv[1]);
	if (!strcmp(argv[2], "host")) {
		p.form = PRINT_KEYS;
		show_host(&p, root, SHOW_RESERVE);
	} else if (!strcmp(argv[2], "show") && argc == 3) {
		show_guests(&p, root);
	} else if (!strcmp(argv[2], "show")) {
		reason = guest_find(&g, root, argv[3], &w);
		if (reason)
			die("%s: %s", argv[3], reason);
		show_guest(&p, root, &g);
		guest_free(&g);
	} else {
		found = check_guests(&p, root, argv + 3, (size_t)(argc - 3));
	}
	flush_stdout();
	return found > 0;
}

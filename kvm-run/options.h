/* SPDX-License-Identifier: ISC */
/* kvm-run's command line. */
#ifndef KVM_RUN_OPTIONS_H
#define KVM_RUN_OPTIONS_H

#include <stdbool.h>

#include "common/wire.h"
#include "kvm-run/vm.h"

enum show { SHOW_NOTHING, SHOW_WIRES, SHOW_FOREIGN };

struct options {
	struct vm_options vm;
	const char *foreign;	 /* -N */
	int ready_fd;		 /* -R, or -1 */
	enum show show;		 /* -n, -N: print and exit */
};

/* Parses argv; the files of -k and -i, -w and $VM_WIRES are in ws afterwards. Dies (2) on wrong usage; faults of wires are
 * counted in ws. */
void options_parse(struct options *o, struct wires *ws, int argc, char **argv);

#endif

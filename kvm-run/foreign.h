/* SPDX-License-Identifier: ISC */
/* Wires in the words of other VMMs. Each writer puts one wire on f->out, or says by foreign_no() that it cannot. */
#ifndef KVM_RUN_FOREIGN_H
#define KVM_RUN_FOREIGN_H

#include <stdint.h>
#include <stdio.h>

#include "kvm-run/wiring.h"

struct foreign {
	const struct wires *ws;
	const char *vmm; /* for messages */
	FILE *out;	 /* shown only when every wire could be said */
	struct wire_faults faults;
	uint64_t mac_seed;
	unsigned ahci; /* ports given away, qemu */
};

typedef void (*foreign_writer)(struct foreign *f, const struct wire *w);

/* A fault: `what` of the wire has no words in that VMM. */
void foreign_no(struct foreign *f, const struct wire *w, const char *what);

/* "KEY=VALUE" behind a comma, when the wire has the key; named `as` there. */
void foreign_key(struct foreign *f, const struct wire *w, const char *key, const char *as);

/* ",mac=...", the one the guest has under kvm-run. */
void foreign_mac(struct foreign *f, const struct wire *w);

/* Whether the wire is standard input and output. */
bool foreign_is_stdio(const struct wire *w);

bool foreign_read_only(int fd);

/* By kind; NULL = the kind cannot be said. */
extern const foreign_writer foreign_qemu[WIRE_KINDS];

#endif

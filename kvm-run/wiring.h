/* SPDX-License-Identifier: ISC */
/* What kvm-run asks of its wires: per kind, the keys it may carry, what its descriptors may be, and their access mode. */
#ifndef KVM_RUN_WIRING_H
#define KVM_RUN_WIRING_H

#include "common/wire.h"

enum wire_as {
	AS_NONE,    /* the kind has only one form */
	AS_TAP,	    /* net: tun/tap character device in tap mode */
	AS_STREAM,  /* net: stream socket, 4-byte length framing; ctl: connected socket */
	AS_PACKET,  /* net: seqpacket or dgram socket, a frame a message */
	AS_RAW,	    /* blk: regular file or block device */
	AS_QCOW2,   /* blk */
	AS_NBD,	    /* blk: socket */
	AS_SERIAL,  /* con: the 16550; the first con wire's default */
	AS_VIRTIO,  /* con: virtio-console; every later con wire's default */
	AS_LISTEN,  /* ctl: listening stream socket */
};

/* What the wire is: its as= key, else what fstat, SO_TYPE, SO_ACCEPTCONN and TUNGETIFF say; never its content. */
enum wire_as wiring_as(const struct wires *ws, const struct wire *w);

/* Checks one wire against the table of its kind and against the others; false with a text "fd 9: Bad file descriptor" in why. */
bool wiring_check_one(const struct wires *ws, const struct wire *w, char *why, size_t size);

/* The whole set, as kvm-run's start does: wires_check, then each wire; prints and counts every fault. */
void wiring_check(struct wires *ws);

/* -n: id, kind, fds, keys as TSV on stdout. */
void wiring_print(const struct wires *ws);

/* -N: the wires as arguments of another VMM (qemu, ch, crosvm), one line a device, no blanks inside a word. Returns the
 * exit status: 0, or 2 when a wire cannot be said there (each was named on stderr). */
int wiring_print_foreign(const struct wires *ws, const char *vmm);

#endif

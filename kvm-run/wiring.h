/* SPDX-License-Identifier: ISC */
/* What kvm-run asks of its wires: per kind, the values of its keys, what its descriptors may be, and their access mode. */
#ifndef KVM_RUN_WIRING_H
#define KVM_RUN_WIRING_H

#include "common/wire.h"

enum wire_as {
	AS_NONE,    /* the kind has only one form */
	AS_TAP,	    /* net: tun/tap character device in tap mode */
	AS_STREAM,  /* net: stream socket, 4-byte length framing; ctl: connected socket */
	AS_VDE,	    /* net: stream socket, 2-byte length framing; only by as=vde */
	AS_PACKET,  /* net: seqpacket or dgram socket, a frame a message */
	AS_RAW,	    /* blk: regular file or block device */
	AS_QCOW2,   /* blk */
	AS_NBD,	    /* blk: socket */
	AS_SERIAL,  /* con: the 16550; the first con wire's default */
	AS_VIRTIO,  /* con: virtio-console; every later con wire's default */
	AS_DEBUG,   /* con: what firmware writes to its debug port */
	AS_LISTEN,  /* ctl: listening stream socket */
	AS_BIOS,    /* fw: the machine's firmware */
	AS_ROM,	    /* fw: the option ROM of the device that of= names */
	AS_SPLASH,  /* fw: a picture that firmware shows */
};

/* What the wire is: its as= key, else what fstat, SO_TYPE, SO_ACCEPTCONN and TUNGETIFF say; never its content. */
enum wire_as wiring_as(const struct wires *ws, const struct wire *w);
const char *wiring_as_name(enum wire_as as); /* as in as=; "-" for AS_NONE */

/* Whether a con wire is a console; the firmware's debug port is none. */
bool wiring_has_console(const struct wires *ws);

/*
 * The wire that w (pcap or vhost) belongs to: the one its of= names, else the only net wire. NULL for a pcap of every
 * net wire; after the checks no vhost wire is without.
 */
const struct wire *wiring_of(const struct wires *ws, const struct wire *w);

/* Is it the wire of a VGA's display? A machine has one at most. */
bool wiring_is_vga(const struct wire *w);

/* Checks one wire, as a hot-plugged one is, against the table of its kind and against the others; false with a text
 * ("fd 9: Bad file descriptor") in why. */
bool wiring_check_one(const struct wires *ws, const struct wire *w, char *why, size_t size);

/* The whole set, as kvm-run's start does it. Faults are printed and counted in ws->faults. */
void wiring_check(struct wires *ws);

/* As wiring_check, but lets pass the formats of images that kvm-run does not know: another VMM may. */
void wiring_check_foreign(struct wires *ws);

/* -n: a line a wire on stdout: id, kind, fds, keys or "-", what it is or "-"; separated by tabs. */
void wiring_print(const struct wires *ws);

/*
 * -N: checks the wires as wiring_check_foreign does and prints them as arguments of another VMM (qemu, ch, crosvm), one
 * line a device, no blanks or quotes inside a word. Returns the exit status: 0, or 2 with nothing on stdout when a wire
 * is faulty or cannot be said there (each was named on stderr). `name` is the guest's: default MACs are those it
 * has under kvm-run.
 */
int wiring_print_foreign(struct wires *ws, const char *vmm, const char *name);

#endif

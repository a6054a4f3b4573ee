/* SPDX-License-Identifier: ISC */
/*
 * How connections that the sealed stack may not make get into it. libslirp's API takes addresses, not descriptors: it
 * makes every socket itself. So it is given an address that is harmless (a free port of the loopback, a Unix socket of our
 * own), and the socket it makes is replaced under its number, with dup3, by one that the broker has opened.
 */
#ifndef VM_SLIRP_DOORS_H
#define VM_SLIRP_DOORS_H

#include <slirp/libslirp.h>
#include <stdbool.h>

#include "vm-slirp/options.h"

struct doors {
	Slirp *slirp;
	int requests;
	struct {
		struct forward forward;
		int fd;
	} open[FORWARDS_MAX];
	size_t nopen;
	int listeners[GUESTFWDS_MAX]; /* what libslirp connects to for a guestfwd */
	size_t nlisteners;
};

/* Sets up the guest's side of every guestfwd. Before sealing. Dies on an address that libslirp refuses. */
void doors_open(struct doors *d, Slirp *slirp, const struct options *o, int requests, bool walled);

/* Tells the broker that the stack serves. resolv, when not -1, goes along and is closed. */
void doors_ready(struct doors *d, int resolv);

/* libslirp connected a socket: perhaps to a guestfwd, whose real end then takes its place. */
void doors_registered(struct doors *d, int fd);

/* The broker's orders. Takes fd. */
void doors_add(struct doors *d, const struct forward *f, int fd);
void doors_delete(struct doors *d, const struct forward *f);

#endif

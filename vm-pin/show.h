/* SPDX-License-Identifier: ISC */
/* What vm-pin tells of a host and of its guests: rows or keys and values, or JSON. */
#ifndef VM_PIN_SHOW_H
#define VM_PIN_SHOW_H

#include <stdint.h>

#include "common/print.h"
#include "vm-pin/guest.h"

#define SHOW_RESERVE UINT64_MAX /* as much memory for the host itself as is usual */

/* Prints the host as one object; root is of host_root, reserve the bytes that the host is to keep for itself. */
void show_host(struct printer *p, int root, uint64_t reserve);

/* Prints an object for each guest that this user can tell from other processes. */
void show_guests(struct printer *p, int root);

/* Prints an object for each thread: the vCPUs, by index, then the others. */
void show_guest(struct printer *p, int root, const struct guest *g);

#endif

/* SPDX-License-Identifier: ISC */
/* The kernel's vhost-net: one descriptor serves one receive ring (0) and one transmit ring (1). Set-up and I/O threads. */
#ifndef KVM_RUN_VHOST_H
#define KVM_RUN_VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm-run/mem.h"

#define VHOST_RINGS 2
#define VHOST_NO_FD (-1)

/* Feature bit: vhost adds and takes off the virtio header, as the tap has none. */
#define VHOST_ADDS_HEADER (1ULL << 27)

struct vhost_ring {
	uint16_t size, base; /* base: the next available index to take */
	const void *desc, *avail, *used; /* host addresses */
	int kick_fd; /* the guest writes it */
	int call_fd; /* vhost writes it to interrupt the guest; or VHOST_NO_FD */
};

/* Makes this process the owner and tells the kernel where guest memory is. False with errno: EOPNOTSUPP when the kernel
 * lacks one of `features`. */
bool vhost_prepare(int fd, const struct guest_mem *m, uint64_t features);

/* Before the rings start. False with errno. */
bool vhost_set_features(int fd, uint64_t features);
bool vhost_start_ring(int fd, unsigned index, const struct vhost_ring *r);

/* Ties both rings to a queue of a tap or, with VHOST_NO_FD, unties them; then the kernel is done with guest memory. */
bool vhost_set_tap(int fd, int tap);

/* After vhost_set_tap(fd, VHOST_NO_FD): gives up the ring's eventfds and returns its base. */
uint16_t vhost_stop_ring(int fd, unsigned index);

#endif

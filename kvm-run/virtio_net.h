/* SPDX-License-Identifier: ISC */
/* The network device (virtio 1.2, 5.1) as the rest of kvm-run sees it: made from a net wire, with its vhost and pcap wires. */
#ifndef KVM_RUN_VIRTIO_NET_H
#define KVM_RUN_VIRTIO_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/wire.h"

struct net_dev;
struct vm;
struct virtio_dev;

/* What went over a wire, seen from the guest. Frames lost are in drops only. All zero when vhost carries the frames. */
struct net_stats {
	uint64_t rx_frames, rx_bytes, rx_drops;
	uint64_t tx_frames, tx_bytes, tx_drops;
};

/* Once, before the seal: what all nets of the machine share (the seed of default MACs, the pcap wires). vm->opt and
 * vm->wires are final. */
void net_init(struct vm *vm);

/*
 * Makes the device of a net wire and plugs it in. NULL and *out, or the reason in why; then the wire's descriptors are
 * still the caller's, otherwise they are closed with the device. Main thread.
 */
const char *net_create(struct vm *vm, const struct wire *w, bool hot, struct virtio_dev **out, char *why, size_t size);

/* Plugs the cable in or pulls it: the guest is told, and frames are lost while it is out. Not on the I/O thread. */
void net_set_link(struct net_dev *n, bool up);

/* Does the guest see a link? False also after the other end of the wire has gone. Any thread. */
bool net_link(const struct net_dev *n);

/* Any thread; the counters run on. */
void net_get_stats(const struct net_dev *n, struct net_stats *s);

/* Its six bytes. */
const uint8_t *net_mac(const struct net_dev *n);

/* What net_create made. */
struct net_dev *net_of(struct virtio_dev *d);

#endif

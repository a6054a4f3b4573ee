/* SPDX-License-Identifier: ISC */
/* Copies of frames to pcap wires. */
#ifndef KVM_RUN_NET_PCAP_H
#define KVM_RUN_NET_PCAP_H

#include <stddef.h>
#include <sys/uio.h>

#include "common/wire.h"

struct net_capture;

/* Opens the pcap wires among ws: a list that ends in NULL, or NULL when there are none. Main thread. */
struct net_capture **net_capture_open(const struct wires *ws);

/* Those of `all` that want the frames of wire id; NULL for none, else to be freed. */
struct net_capture **net_capture_select(struct net_capture **all, const char *id);

/* One frame: len bytes of the iov from byte skip on. Never waits. */
void net_capture_frame(struct net_capture **list, const struct iovec *iov, unsigned n, size_t skip, size_t len);

#endif

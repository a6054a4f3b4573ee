/* SPDX-License-Identifier: ISC */
/* A transfer's blocks on their way out. */
#ifndef VM_DHCPD_TFTP_SEND_H
#define VM_DHCPD_TFTP_SEND_H

#include "vm-dhcpd/tftp.h"

/* Sends the next blocks of the window, or the OACK while that was not acknowledged. False when the file is not what it was;
 * what is lost on the way, the network's or this host's, is repeated by the timer. */
bool tftp_send_blocks(struct tftp *s, struct tftp_transfer *t);

/* Sends a packet that is no block. */
void tftp_send_packet(const struct udp_peer *to, const uint8_t *packet, size_t len);

#endif

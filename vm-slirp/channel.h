/* SPDX-License-Identifier: ISC */
/*
 * What the broker and the stack tell each other, over two seqpacket sockets so that neither ever waits for the other in
 * the wrong order: "orders" go from the broker to the stack and have no answer; "requests" go from the stack to the
 * broker, and MSG_OPEN is answered at once on the same socket. The broker believes nothing a request says but an index
 * that it checks: a guest may have taken the stack over.
 */
#ifndef VM_SLIRP_CHANNEL_H
#define VM_SLIRP_CHANNEL_H

#include "vm-slirp/forward.h"

enum message_kind {
	MSG_ADD,    /* order, with the listening socket: forward it as `forward` says */
	MSG_DELETE, /* order: no longer */
	MSG_READY,  /* request: the stack is sealed and serves; with its own /etc/resolv.conf, if it has one of its own */
	MSG_OPEN,   /* request: the other end of a new connection to guestfwd `index`; answered with the descriptor or none */
};

struct message {
	enum message_kind kind;
	unsigned index;
	struct forward forward;
};

#endif

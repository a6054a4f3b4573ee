/* SPDX-License-Identifier: ISC */
/* What a descriptor is, asked of the kernel; never of its content. */
#ifndef KVM_RUN_FDFORM_H
#define KVM_RUN_FDFORM_H

#include <stdbool.h>

enum fd_form {
	FORM_FILE = 1 << 0,
	FORM_BLOCK = 1 << 1,
	FORM_TTY = 1 << 2,
	FORM_CHAR = 1 << 3, /* a character device that is none of the others */
	FORM_TAP = 1 << 4,
	FORM_TUN = 1 << 5, /* in tun mode, or not attached to an interface */
	FORM_VHOST = 1 << 6,
	FORM_FIFO = 1 << 7,
	FORM_STREAM = 1 << 8,
	FORM_LISTEN = 1 << 9, /* a stream socket */
	FORM_SEQPACKET = 1 << 10,
	FORM_DGRAM = 1 << 11,
	FORM_OTHER = 1 << 12, /* a directory, an epoll, a raw socket... */
	FORM_VFIO_DEVICE = 1 << 13,
	FORM_VFIO_GROUP = 1 << 14,
	FORM_VFIO = 1 << 15, /* a container */
	FORM_ANY = (1 << 16) - 1,
};

bool fd_is_open(int fd);

/* fd is open. */
enum fd_form fd_form(int fd);

/* "a regular file" */
const char *fd_form_name(enum fd_form form);

/* A socket that frames or bytes can be sent on: connected, or a datagram socket bound to a multicast group. */
bool fd_socket_has_peer(int fd);

/* Two taps, or two queues of one: whether they are the same interface, and how it was opened (IFF_* of linux/if_tun.h). */
bool fd_tap_same(int a, int b);
unsigned fd_tap_flags(int fd);

#endif

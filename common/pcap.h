/* SPDX-License-Identifier: ISC */
/* Frames to a pcap stream (the libpcap file format, nanoseconds, LINKTYPE_ETHERNET) that any reader of pipes takes. */
#ifndef COMMON_PCAP_H
#define COMMON_PCAP_H

#include <stddef.h>
#include <sys/uio.h>

/* Writes the file header. 0 or -errno. fd should be non-blocking: a slow reader loses frames, never delays the guest. */
int pcap_begin(int fd);

/* One frame, gathered; time is now. A frame that does not fit is dropped whole (-EAGAIN); -EPIPE when the reader left. */
int pcap_frame(int fd, const struct iovec *iov, size_t iovcnt);

#endif

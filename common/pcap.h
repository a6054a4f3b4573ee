/* SPDX-License-Identifier: ISC */
/* Frames to a pcap stream (the libpcap file format, nanoseconds, LINKTYPE_ETHERNET) that any reader of pipes takes. */
#ifndef COMMON_PCAP_H
#define COMMON_PCAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define PCAP_SNAPLEN 65550 /* header and the largest IP packet; more of a frame is cut off, and the record says so */

/*
 * A pipe may take a part of a record only; the rest waits here, because a record half written would make everything
 * after it unreadable.
 */
struct pcap {
	int fd; /* its owner's. A socket, or non-blocking: a slow reader loses frames, never delays the guest. SIGPIPE is ignored. */
	bool socket;
	size_t start, end; /* bytes of the last record not written yet */
	uint8_t record[16 + PCAP_SNAPLEN];
};

/* Writes the file header. 0 or -errno. */
int pcap_begin(struct pcap *p, int fd);

/* One frame, gathered; time is now. While the last one still waits it is dropped whole (-EAGAIN); -EPIPE when the reader
 * left. */
int pcap_frame(struct pcap *p, const struct iovec *iov, size_t iovcnt);

#endif

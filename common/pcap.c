/* SPDX-License-Identifier: ISC */
/* The libpcap file format, written to a pipe or file; the contracts are in pcap.h. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/pcap.h"

#define PCAP_MAGIC_NS 0xa1b23c4d /* in the byte order of the writer; its value says that times are in nanoseconds */
#define LINKTYPE_ETHERNET 1

struct pcap_header {
	uint32_t magic;
	uint16_t major, minor;
	uint32_t thiszone, sigfigs, snaplen, linktype;
};

struct pcap_record {
	uint32_t sec, nsec;
	uint32_t caplen, len;
};

/* Writes what is left of the last record. 0 or -errno. */
static int
flush(struct pcap *p)
{
	while (p->start < p->end) {
		const uint8_t *from = p->record + p->start;
		size_t len = p->end - p->start;
		ssize_t n = p->socket ? send(p->fd, from, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(p->fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p->start += (size_t)n;
	}
	return 0;
}

int
pcap_begin(struct pcap *p, int fd)
{
	struct pcap_header h = {
	    .magic = PCAP_MAGIC_NS,
	    .major = 2,
	    .minor = 4,
	    .snaplen = PCAP_SNAPLEN,
	    .linktype = LINKTYPE_ETHERNET,
	};
	struct stat st;

	p->fd = fd;
	p->socket = fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
	p->start = 0;
	p->end = sizeof(h);
	memcpy(p->record, &h, sizeof(h));
	return flush(p);
}

int
pcap_frame(struct pcap *p, const struct iovec *iov, size_t iovcnt)
{
	struct pcap_record r = {0};
	struct timespec now;
	int err = flush(p);

	if (err)
		return err;
	clock_gettime(CLOCK_REALTIME, &now);
	r.sec = (uint32_t)now.tv_sec;
	r.nsec = (uint32_t)now.tv_nsec;
	for (size_t i = 0; i < iovcnt; i++) {
		size_t room = PCAP_SNAPLEN - r.caplen;
		size_t n = iov[i].iov_len < room ? iov[i].iov_len : room;

		memcpy(p->record + sizeof(r) + r.caplen, iov[i].iov_base, n);
		r.caplen += (uint32_t)n;
		r.len += (uint32_t)iov[i].iov_len;
	}
	memcpy(p->record, &r, sizeof(r));
	p->start = 0;
	p->end = sizeof(r) + r.caplen;
	err = flush(p);
	return err == -EAGAIN ? 0 : err; /* what is left goes before the next one */
}

/* SPDX-License-Identifier: ISC */
/* A transfer's blocks on their way out; the contracts are in tftp_send.h. */
#include <errno.h>
#include <unistd.h>

#include "vm-dhcpd/put.h"
#include "vm-dhcpd/tftp_send.h"

#define HEAD 4 /* bytes before the data: opcode and block */

void
tftp_send_packet(const struct udp_peer *to, const uint8_t *packet, size_t len)
{
	uint8_t copy[TFTP_REPLY_MAX];
	struct iovec iov = {.iov_base = copy, .iov_len = len};

	memcpy(copy, packet, len);
	udp_send(to, &iov, 1, 0);
}

/* Where the whole window cannot be given to the kernel as one, each block goes by itself, from now on. */
static void
send_window(struct tftp *s, const struct udp_peer *to, struct iovec *iov, unsigned n, unsigned blksize)
{
	if (n > 1 && !s->no_segments) {
		if (udp_send(to, iov, 2 * n, HEAD + blksize) || (errno != EINVAL && errno != EIO && errno != EOPNOTSUPP))
			return;
		s->no_segments = true;
	}
	for (unsigned i = 0; i < n; i++)
		udp_send(to, iov + 2 * i, 2, 0);
}

bool
tftp_send_blocks(struct tftp *s, struct tftp_transfer *t)
{
	unsigned blksize = t->options.blksize ? t->options.blksize : TFTP_BLKSIZE, n;
	struct iovec iov[2 * TFTP_WINDOW_MAX];
	uint8_t heads[TFTP_WINDOW_MAX][HEAD];
	size_t len, done = 0;
	uint64_t from;

	if (t->window.oack) {
		uint8_t packet[TFTP_REPLY_MAX];

		tftp_send_packet(&t->peer, packet, tftp_put_oack(packet, &t->options, t->size));
		return true;
	}
	n = tftp_send_next(&t->window);
	from = t->window.acked * blksize;
	len = (uint64_t)n * blksize < t->size - from ? n * blksize : (size_t)(t->size - from);
	if (pread(t->file, s->data, len, (off_t)from) != (ssize_t)len)
		return false;
	for (unsigned i = 0; i < n; i++) {
		struct put head = {.buf = heads[i], .size = HEAD};
		size_t part = len - done < blksize ? len - done : blksize;

		put16(&head, TFTP_DATA);
		put16(&head, (uint16_t)(t->window.acked + 1 + i)); /* after 65535 comes 0 */
		iov[2 * i] = (struct iovec){.iov_base = heads[i], .iov_len = HEAD};
		iov[2 * i + 1] = (struct iovec){.iov_base = s->data + done, .iov_len = part};
		done += part;
	}
	send_window(s, &t->peer, iov, n, blksize);
	return true;
}

/* SPDX-License-Identifier: ISC */
/* Any bytes as what an NBD server says, to a disk with requests under way: each ends once, within its buffer. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/disk_nbd.h"
#include "common/fd.h"
#include "common/nbd.h"

#define REQUESTS 4
#define LEN 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ended[REQUESTS];
static struct disk_req reqs[REQUESTS];

static void
done(struct disk_req *r, int err)
{
	(void)err;
	if (ended[r - reqs]++)
		abort();
}

/* After a handshake that the bytes' first byte lets be a good one. */
static void
greet(int fd)
{
	uint8_t msg[NBD_HELLO_LEN + 20 + 12 + 20] = {0};

	put_be64(msg, NBD_MAGIC);
	put_be64(msg + 8, NBD_OPTION_MAGIC);
	put_be16(msg + 16, NBD_FIXED_NEWSTYLE);
	put_be64(msg + 18, NBD_REPLY_MAGIC);
	put_be32(msg + 26, NBD_OPT_GO);
	put_be32(msg + 30, NBD_REP_INFO);
	put_be32(msg + 34, 12);
	put_be64(msg + 40, 1 << 20);
	put_be16(msg + 48, NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH);
	memcpy(msg + 50, msg + 18, 12);
	put_be32(msg + 62, NBD_REP_ACK);
	fd_write_all(fd, msg, sizeof(msg));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bufs[REQUESTS];
	struct iovec iov[REQUESTS];
	struct disk *disk;
	struct why w;
	int sv[2];

	diag_verbose = -1;
	if (!size || size > 32768 || socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		return 0;
	if (data[0] & 1)
		greet(sv[1]);
	fd_write_all(sv[1], data + 1, size - 1);
	shutdown(sv[1], SHUT_WR);
	if (!disk_nbd_open(&disk, sv[0], "disk", "export", 0, &w)) {
		for (int i = 0; i < REQUESTS; i++) {
			bufs[i] = malloc(LEN); /* with the sanitizer's walls around it */
			iov[i] = (struct iovec){bufs[i], LEN};
			ended[i] = 0;
			reqs[i] = (struct disk_req){.op = i == 3 ? DISK_WRITE : DISK_READ,
			    .off = 0, .len = disk->size < LEN ? 512 : LEN, .iov = &iov[i], .niov = 1, .done = done};
			memset(bufs[i], 0, LEN);
			disk_submit(disk, &reqs[i]);
		}
		disk_commit(disk);
		disk_drain(disk);
		disk_close(disk);
		for (int i = 0; i < REQUESTS; i++) {
			if (ended[i] != 1)
				abort();
			free(bufs[i]);
		}
	}
	close(sv[0]);
	close(sv[1]);
	return 0;
}

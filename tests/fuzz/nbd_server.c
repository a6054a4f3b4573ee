/* SPDX-License-Identifier: ISC */
/* pkg: nettle libdeflate zlib libzstd */
/* links: tests/memory.c vm-img/nbd_negotiate.c vm-img/nbd_read.c vm-img/nbd_transmit.c */
/* Any bytes as what an NBD client says: the conversation ends, and the image keeps its size. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/fd.h"
#include "common/image/formats.h"
#include "tests/memory.h"
#include "vm-img/nbd_server.h"

#define SIZE (64 << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The client hears nothing of what is answered: the kernel's buffer is large enough for little, so answers are thrown away. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t go[] = "\0\0\0\3IHAVEOPT\0\0\0\10\0\0\0\0IHAVEOPT\0\0\0\7\0\0\0\6\0\0\0\0\0\0";
	struct nbd_server s = {.export = "", .lock = PTHREAD_MUTEX_INITIALIZER};
	struct memory m = {.limit = SIZE};
	struct image_open how = {0};
	struct why w;
	int sv[2];

	if (!size || size > 16384 || socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		return 0;
	memory_set(&m, "data", 4);
	how.file = memory_open(&m, false);
	file_truncate(how.file, SIZE);
	how.flags = data[0] & 2 ? 0 : IMAGE_WRITE;
	s.image = image_open(&format_raw, &how, &w);
	if (data[0] & 1)
		fd_write_all(sv[1], go, sizeof(go) - 1);
	fd_write_all(sv[1], data + 1, size - 1);
	/* What cannot be sent at once fails, as to a client that is gone: this fuzzer has one thread. */
	fd_set_nonblock(sv[0], true);
	shutdown(sv[1], SHUT_WR);
	nbd_serve(&s, sv[0], &(bool){false});
	if (s.image->size != SIZE || m.size != SIZE)
		abort();
	image_close(s.image);
	memory_free(&m);
	close(sv[0]);
	close(sv[1]);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* Memory that displays can read; the contracts are in screen.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm-run/screen.h"

const char *
screen_memory_create(struct screen_memory *m, size_t size)
{
	/* Sealed after our own mapping is made: nobody else gets one to write to, nor a smaller file under our feet. */
	const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;

	*m = (struct screen_memory){.fd = memfd_create("screen", MFD_CLOEXEC | MFD_ALLOW_SEALING), .size = size};
	if (m->fd < 0)
		return strerror(errno);
	m->map = MAP_FAILED;
	if (ftruncate(m->fd, (off_t)size) == 0)
		m->map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, m->fd, 0);
	if (m->map != MAP_FAILED && fcntl(m->fd, F_ADD_SEALS, seals) == 0)
		return NULL;
	size = (size_t)errno;
	screen_memory_destroy(m);
	return strerror((int)size);
}

void
screen_memory_destroy(struct screen_memory *m)
{
	if (m->map != MAP_FAILED)
		munmap(m->map, m->size);
	close(m->fd);
}

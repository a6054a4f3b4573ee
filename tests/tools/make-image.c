/* SPDX-License-Identifier: ISC */
/* links: tests/make_image.c vm-img/formats.c */
/* make-image FORMAT[:VARIANT] DISK IMAGE: an image of a format that vm-img only reads, of a raw disk; see tests/make_image.h. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "tests/make_image.h"

int
main(int argc, char **argv)
{
	char *variant;
	struct made m;
	struct stat st;
	uint8_t *disk;
	int fd;

	diag_init(argv[0], 1);
	if (argc != 4)
		die_usage("make-image FORMAT[:VARIANT] DISK IMAGE");
	fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		die_sys("%s", argv[2]);
	disk = malloc((size_t)st.st_size + 1);
	if (!disk || fd_read_all(fd, disk, (size_t)st.st_size) != st.st_size)
		die("%s: cannot be read", argv[2]);
	variant = strchr(argv[1], ':');
	if (variant)
		*variant++ = '\0';
	m = make_image(argv[1], variant, disk, (size_t)st.st_size);
	fd = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || fd_write_all(fd, m.p, m.n) != (ssize_t)m.n || close(fd) < 0)
		die_sys("%s", argv[3]);
	free(m.p);
	free(disk);
	return 0;
}

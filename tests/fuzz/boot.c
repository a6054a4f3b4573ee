/* SPDX-License-Identifier: ISC */
/* links: kvm-run/boot.c kvm-run/boot_bzimage.c kvm-run/boot_elf.c kvm-run/mem.c */
/* A kernel file of any bytes, with an initrd of as many: refused with a reason, or loaded within RAM (guards: SIGSEGV). */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kvm-run/boot.h"

#define RAM (64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct guest_mem mem;
	struct boot_images images = {.cmdline = "console=ttyS0", .rsdp = 0xe0000};
	struct boot_entry entry;
	char text[128];
	const char *why;

	if (!mem.base && mem_init(&mem, RAM, 0, -1))
		abort();
	images.kern_fd = memfd_create("kernel", MFD_CLOEXEC);
	images.init_fd = size & 1 ? dup(images.kern_fd) : -1;
	if (images.kern_fd < 0 || write(images.kern_fd, data, size) != (ssize_t)size)
		abort();
	why = boot_load(&mem, &images, &entry, text, sizeof(text));
	if (why ? !*why : !entry.rip)
		abort();
	if (mem_clear(&mem))
		abort();
	close(images.kern_fd);
	if (images.init_fd >= 0)
		close(images.init_fd);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* links: kvm-run/fwcfg.c kvm-run/bus.c kvm-run/mem.c */
/* The firmware configuration device under any accesses of its ports, with descriptors of any content: it stays in RAM (ASan),
 * and what it has to give does not change. */
#include <stdlib.h>
#include <string.h>

#include "kvm-run/fwcfg.h"
#include "kvm-run/vm.h"

#define RAM 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: RAM's beginning, of as many bytes as the first says times 16, then accesses: port, length and direction, value. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vm vm;
	static struct fwcfg cfg;
	const struct fwcfg_item *item = &cfg.items[0];
	size_t n = size ? data[0] * 16U : 0;

	if (!size || 1 + n > size)
		return 0;
	if (!cfg.vm)
		fwcfg_init(&cfg, &vm);
	vm.mem = (struct guest_mem){.base = calloc(1, RAM), .size = RAM, .low_size = RAM, .fd = -1};
	memcpy(vm.mem.base, data + 1, n);
	fwcfg_reset(&cfg);
	fwcfg_add_file(&cfg, "file", "content", 8);
	for (data += 1 + n, size -= 1 + n; size >= 6; data += 6, size -= 6) {
		uint8_t value[8] = {0};

		memcpy(value, data + 2, 4);
		bus_do(&vm.ports, FWCFG_PORT + data[0] % 16, value, 1U << data[1] % 3, data[1] & 0x80);
	}
	if (item->size != 4 || memcmp(item->data, "QEMU", 4))
		abort();
	free(vm.mem.base);
	return 0;
}

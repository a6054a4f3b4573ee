/* SPDX-License-Identifier: ISC */
/* Looking for VMCOREINFO (Linux, Documentation/admin-guide/kdump/vmcoreinfo.rst); the contract is in dump_find.h. */
#include <elf.h>
#include <string.h>
#include <sys/mman.h>

#include "common/bytes.h"
#include "kvm-run/dump_find.h"

#define PAGE 4096U
#define STRIDE (2U << 20)

static const char name[] = "VMCOREINFO";
static const char first[] = "OSRELEASE="; /* of its lines */

#define NAME_SIZE 12 /* with its end, in whole words */

/* Of the text that follows the name, or 0 where there is no such note. */
static uint32_t
text_size(const uint8_t *p)
{
	Elf64_Nhdr head;

	memcpy(&head, p, sizeof(head));
	p += sizeof(head);
	if (head.n_namesz != sizeof(name) || head.n_type || head.n_descsz < sizeof(first) ||
	    head.n_descsz > DUMP_VMCOREINFO_MAX - sizeof(head) - NAME_SIZE)
		return 0;
	return !memcmp(p, name, sizeof(name)) && !memcmp(p + NAME_SIZE, first, sizeof(first) - 1) ? head.n_descsz : 0;
}

/* Which pages of shared memory are there: a look at one that is not would make it. */
static bool
look(const struct guest_mem *mem, const uint8_t *at, size_t len, uint8_t there[STRIDE / PAGE])
{
	memset(there, 1, STRIDE / PAGE);
	return mem->fd < 0 || mincore((void *)(uintptr_t)at, len, there) == 0;
}

uint32_t
dump_find_vmcoreinfo(const struct guest_mem *mem, const struct dump_piece *pieces, size_t npieces, uint8_t *to)
{
	uint8_t there[STRIDE / PAGE];

	for (const struct dump_piece *p = pieces; p < pieces + npieces; p++) {
		const uint8_t *base = guest_ptr(mem, p->gpa, 1);

		for (uint64_t off = 0; off < p->size; off += PAGE) {
			Elf64_Nhdr head = {.n_namesz = sizeof(name)};
			uint32_t size;

			if (off % STRIDE == 0 && !look(mem, base + off, (size_t)min_u64(STRIDE, p->size - off), there))
				return 0;
			if (!(there[off % STRIDE / PAGE] & 1))
				continue;
			head.n_descsz = text_size(base + off);
			size = (uint32_t)(sizeof(head) + NAME_SIZE + align_up(head.n_descsz, 4));
			if (!head.n_descsz || size > p->size - off)
				continue;
			memcpy(to, base + off, size);
			memcpy(to, &head, sizeof(head)); /* as it was measured: the guest may write there */
			return size;
		}
	}
	return 0;
}

/* SPDX-License-Identifier: ISC */
/* Resource descriptors in a buffer object (ACPI 6.5, 6.4). */
#include "kvm-run/aml.h"

/* Small items: type and length; 6.4.2 */
#define ITEM_IRQ 0x22 /* without flags: edge, active high */
#define ITEM_IO 0x47
#define ITEM_END 0x79
/* Large items, 6.4.3 */
#define ITEM_MEMORY32_FIXED 0x86
#define ITEM_DWORD_SPACE 0x87
#define ITEM_WORD_SPACE 0x88
#define ITEM_QWORD_SPACE 0x8a

enum space { SPACE_MEMORY = 0, SPACE_IO = 1, SPACE_BUS = 2 };
#define SPACE_FIXED 0x0c /* minimum and maximum are fixed; a producer, positive decode */
#define MEMORY_WRITABLE 0x01
#define MEMORY_PREFETCH 0x06 /* cacheable and prefetchable */
#define IO_ENTIRE 0x03	     /* ISA and non-ISA addresses */

size_t
aml_resources(struct aml *a)
{
	return aml_open(a, AML_BUFFER);
}

/* The buffer's size, an integer object, goes before its bytes. */
void
aml_resources_close(struct aml *a, size_t mark)
{
	uint8_t text[16];
	struct aml size = {.buf = text, .size = sizeof(text)};

	aml_byte(a, ITEM_END);
	aml_byte(a, 0); /* no checksum */
	aml_int(&size, a->len - mark);
	aml_insert(a, mark, text, size.len);
	aml_close(a, mark);
}

void
aml_res_io(struct aml *a, uint16_t base, uint8_t len)
{
	aml_byte(a, ITEM_IO);
	aml_byte(a, 1); /* decodes 16 bits */
	aml_word(a, base);
	aml_word(a, base);
	aml_byte(a, 1);
	aml_byte(a, len);
}

void
aml_res_irq(struct aml *a, unsigned irq)
{
	aml_byte(a, ITEM_IRQ);
	aml_word(a, (uint16_t)(1U << irq));
}

void
aml_res_memory32(struct aml *a, uint32_t base, uint32_t len)
{
	aml_byte(a, ITEM_MEMORY32_FIXED);
	aml_word(a, 9);
	aml_byte(a, MEMORY_WRITABLE);
	aml_dword(a, base);
	aml_dword(a, len);
}

/* 6.4.3.5: the same five numbers in words, dwords or qwords. */
static void
address_space(struct aml *a, uint8_t item, unsigned width, enum space type, uint8_t flags, uint64_t first, uint64_t last)
{
	uint64_t fields[5] = {0, first, last, 0, last - first + 1}; /* granularity, minimum, maximum, offset, length */

	aml_byte(a, item);
	aml_word(a, (uint16_t)(3 + 5 * width));
	aml_byte(a, (uint8_t)type);
	aml_byte(a, SPACE_FIXED);
	aml_byte(a, flags);
	for (int i = 0; i < 5; i++)
		aml_bytes(a, &fields[i], width);
}

void
aml_res_bus_window(struct aml *a, uint16_t first, uint16_t last)
{
	address_space(a, ITEM_WORD_SPACE, 2, SPACE_BUS, 0, first, last);
}

void
aml_res_io_window(struct aml *a, uint16_t first, uint16_t last)
{
	address_space(a, ITEM_WORD_SPACE, 2, SPACE_IO, IO_ENTIRE, first, last);
}

void
aml_res_memory32_window(struct aml *a, uint32_t first, uint32_t last)
{
	address_space(a, ITEM_DWORD_SPACE, 4, SPACE_MEMORY, MEMORY_WRITABLE, first, last);
}

void
aml_res_memory64_window(struct aml *a, uint64_t first, uint64_t last)
{
	address_space(a, ITEM_QWORD_SPACE, 8, SPACE_MEMORY, MEMORY_WRITABLE | MEMORY_PREFETCH, first, last);
}

/* SPDX-License-Identifier: ISC */
/*
 * A writer of ACPI machine language (ACPI 6.5, chapter 20) and of bytes in general. Calls come in the order in which
 * the encoding stands. What does not fit is dropped and remembered in `full`; everything else may then be ignored.
 */
#ifndef KVM_RUN_AML_H
#define KVM_RUN_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *buf;
	size_t len, size;
	bool full;
};

/* Opcodes; those above 0xff have the extended prefix. */
enum aml_op {
	AML_ZERO = 0x00,
	AML_NAME = 0x08,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_METHOD = 0x14,
	AML_LOCAL0 = 0x60,
	AML_LOCAL1 = 0x61,
	AML_ARG0 = 0x68,
	AML_ARG1 = 0x69,
	AML_ARG3 = 0x6b,
	AML_STORE = 0x70,
	AML_SHIFT_RIGHT = 0x7a,
	AML_AND = 0x7b,
	AML_OR = 0x7d,
	AML_NOTIFY = 0x86,
	AML_DWORD_FIELD = 0x8a, /* CreateDWordField */
	AML_LNOT = 0x92,
	AML_LEQUAL = 0x93,
	AML_LLESS = 0x95,
	AML_IF = 0xa0,
	AML_ELSE = 0xa1,
	AML_WHILE = 0xa2,
	AML_RETURN = 0xa4,
	AML_REGION = 0x5b80,
	AML_FIELD = 0x5b81,
	AML_DEVICE = 0x5b82,
};

void aml_bytes(struct aml *a, const void *data, size_t len);
void aml_zero(struct aml *a, size_t len);
void aml_byte(struct aml *a, uint8_t v);
void aml_word(struct aml *a, uint16_t v);
void aml_dword(struct aml *a, uint32_t v);
void aml_qword(struct aml *a, uint64_t v);

/* Puts bytes before those that were written from `at` on. */
void aml_insert(struct aml *a, size_t at, const void *data, size_t len);

/* An opcode, a local or an argument. */
void aml_op(struct aml *a, enum aml_op op);

/* "\\_SB.PCI0": segments of at most four characters, padded with underscores. */
void aml_path(struct aml *a, const char *path);

/* Data objects. */
void aml_int(struct aml *a, uint64_t v);
void aml_string(struct aml *a, const char *s);
void aml_buffer(struct aml *a, const void *data, size_t len);

/* Objects that carry their length: open returns a mark for aml_close. */
size_t aml_open(struct aml *a, enum aml_op op);
void aml_close(struct aml *a, size_t mark);
size_t aml_scope(struct aml *a, const char *path);
size_t aml_device(struct aml *a, const char *name);
size_t aml_method(struct aml *a, const char *path, unsigned args);
size_t aml_package(struct aml *a, uint8_t elements);

/* Name (name, ...): the object follows, or is the integer or id. */
void aml_name(struct aml *a, const char *name);
void aml_name_int(struct aml *a, const char *name, uint64_t v);
void aml_name_eisa_id(struct aml *a, const char *name, const char *id);

/* A region of I/O ports, and fields in it: open, fields in their order, aml_close. Each is accessed by itself, `access` as in
 * generic addresses (1 bytes, 3 dwords), and the rest of its unit written as zeros. */
void aml_io_region(struct aml *a, const char *name, uint16_t base, uint16_t len);
size_t aml_fields(struct aml *a, const char *region, uint8_t access);
void aml_field(struct aml *a, const char *name, unsigned bits);
void aml_field_gap(struct aml *a, unsigned bits);

/* Resource templates (ACPI 6.5, 6.4): open, descriptors, close. */
size_t aml_resources(struct aml *a);
void aml_resources_close(struct aml *a, size_t mark);
void aml_res_io(struct aml *a, uint16_t base, uint8_t len);
void aml_res_irq(struct aml *a, unsigned irq); /* edge, active high, exclusive */
void aml_res_memory32(struct aml *a, uint32_t base, uint32_t len);

/* Windows that a bus hands on to what lies behind it, first to last address. */
void aml_res_bus_window(struct aml *a, uint16_t first, uint16_t last);
void aml_res_io_window(struct aml *a, uint16_t first, uint16_t last);
void aml_res_memory32_window(struct aml *a, uint32_t first, uint32_t last);
void aml_res_memory64_window(struct aml *a, uint64_t first, uint64_t last);

#endif

/* SPDX-License-Identifier: ISC */
/* ACPI machine language; section numbers are those of ACPI 6.5. */
#include <string.h>

#include "kvm-run/aml.h"

#define EXT_PREFIX 0x5b
#define BYTE_PREFIX 0x0a
#define WORD_PREFIX 0x0b
#define DWORD_PREFIX 0x0c
#define STRING_PREFIX 0x0d
#define QWORD_PREFIX 0x0e
#define DUAL_PREFIX 0x2e
#define MULTI_PREFIX 0x2f

void
aml_bytes(struct aml *a, const void *data, size_t len)
{
	if (a->full || len > a->size - a->len) {
		a->full = true;
		return;
	}
	memcpy(a->buf + a->len, data, len);
	a->len += len;
}

void
aml_zero(struct aml *a, size_t len)
{
	while (len-- && !a->full)
		aml_byte(a, 0);
}

void
aml_byte(struct aml *a, uint8_t v)
{
	aml_bytes(a, &v, 1);
}

void
aml_word(struct aml *a, uint16_t v)
{
	aml_bytes(a, &v, 2);
}

void
aml_dword(struct aml *a, uint32_t v)
{
	aml_bytes(a, &v, 4);
}

void
aml_qword(struct aml *a, uint64_t v)
{
	aml_bytes(a, &v, 8);
}

void
aml_op(struct aml *a, enum aml_op op)
{
	if (op > 0xff)
		aml_byte(a, EXT_PREFIX);
	aml_byte(a, (uint8_t)op);
}

/* One segment, padded; returns what follows it and its dot. */
static const char *
segment(struct aml *a, const char *s)
{
	char name[4] = "____";
	size_t n = strcspn(s, ".");

	memcpy(name, s, n < 4 ? n : 4);
	aml_bytes(a, name, 4);
	return s[n] ? s + n + 1 : s + n;
}

void
aml_path(struct aml *a, const char *path)
{
	unsigned segments = 1;

	for (; *path == '\\' || *path == '^'; path++)
		aml_byte(a, (uint8_t)*path);
	if (!*path) {
		aml_byte(a, 0); /* NullName: the root itself */
		return;
	}
	for (const char *s = path; *s; s++)
		segments += *s == '.';
	if (segments == 2) {
		aml_byte(a, DUAL_PREFIX);
	} else if (segments > 2) {
		aml_byte(a, MULTI_PREFIX);
		aml_byte(a, (uint8_t)segments);
	}
	while (*path)
		path = segment(a, path);
}

void
aml_int(struct aml *a, uint64_t v)
{
	if (v <= 1) {
		aml_byte(a, (uint8_t)v); /* ZeroOp, OneOp */
	} else if (v <= UINT8_MAX) {
		aml_byte(a, BYTE_PREFIX);
		aml_byte(a, (uint8_t)v);
	} else if (v <= UINT16_MAX) {
		aml_byte(a, WORD_PREFIX);
		aml_word(a, (uint16_t)v);
	} else if (v <= UINT32_MAX) {
		aml_byte(a, DWORD_PREFIX);
		aml_dword(a, (uint32_t)v);
	} else {
		aml_byte(a, QWORD_PREFIX);
		aml_qword(a, v);
	}
}

void
aml_string(struct aml *a, const char *s)
{
	aml_byte(a, STRING_PREFIX);
	aml_bytes(a, s, strlen(s) + 1);
}

static unsigned
hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* 19.3.4: three letters in 5 bits each, four hex digits, the whole in big-endian order. */
static void
eisa_id(struct aml *a, const char *id)
{
	unsigned v = 0;

	for (int i = 0; i < 3; i++)
		v = v << 5 | (unsigned)(id[i] - '@');
	for (int i = 3; i < 7; i++)
		v = v << 4 | hex_digit(id[i]);
	aml_byte(a, DWORD_PREFIX);
	aml_dword(a, __builtin_bswap32(v));
}

void
aml_buffer(struct aml *a, const void *data, size_t len)
{
	size_t mark = aml_open(a, AML_BUFFER);

	aml_int(a, len);
	aml_bytes(a, data, len);
	aml_close(a, mark);
}

size_t
aml_open(struct aml *a, enum aml_op op)
{
	aml_op(a, op);
	return a->len;
}

void
aml_insert(struct aml *a, size_t at, const void *data, size_t len)
{
	size_t tail = a->len - at;

	aml_zero(a, len);
	if (a->full)
		return;
	memmove(a->buf + at + len, a->buf + at, tail);
	memcpy(a->buf + at, data, len);
}

/* 20.2.4: in as few bytes as hold it, and in the first their number. `self`: it counts these bytes too. */
static size_t
package_length(uint8_t to[3], size_t len, bool self)
{
	size_t n = len + self <= 0x3f ? 1 : len + 2 * self <= 0xfff ? 2 : 3;

	len += self ? n : 0;
	to[0] = (uint8_t)(n == 1 ? len : (n - 1) << 6 | (len & 0xf));
	to[1] = (uint8_t)(len >> 4);
	to[2] = (uint8_t)(len >> 12);
	return n;
}

/* It is put in front now that it is known. */
void
aml_close(struct aml *a, size_t mark)
{
	uint8_t length[3];
	size_t n = package_length(length, a->len - mark, true);

	aml_insert(a, mark, length, n);
}

size_t
aml_scope(struct aml *a, const char *path)
{
	size_t mark = aml_open(a, AML_SCOPE);

	aml_path(a, path);
	return mark;
}

size_t
aml_device(struct aml *a, const char *name)
{
	size_t mark = aml_open(a, AML_DEVICE);

	aml_path(a, name);
	return mark;
}

size_t
aml_method(struct aml *a, const char *path, unsigned args)
{
	size_t mark = aml_open(a, AML_METHOD);

	aml_path(a, path);
	aml_byte(a, (uint8_t)(args | 1 << 3)); /* serialized: several create named objects */
	return mark;
}

size_t
aml_package(struct aml *a, uint8_t elements)
{
	size_t mark = aml_open(a, AML_PACKAGE);

	aml_byte(a, elements);
	return mark;
}

void
aml_name(struct aml *a, const char *name)
{
	aml_op(a, AML_NAME);
	aml_path(a, name);
}

void
aml_name_int(struct aml *a, const char *name, uint64_t v)
{
	aml_name(a, name);
	aml_int(a, v);
}

void
aml_name_eisa_id(struct aml *a, const char *name, const char *id)
{
	aml_name(a, name);
	eisa_id(a, id);
}

void
aml_io_region(struct aml *a, const char *name, uint16_t base, uint16_t len)
{
	aml_op(a, AML_REGION);
	aml_path(a, name);
	aml_byte(a, 1); /* SystemIO */
	aml_int(a, base);
	aml_int(a, len);
}

size_t
aml_fields(struct aml *a, const char *region, uint8_t access)
{
	size_t mark = aml_open(a, AML_FIELD);

	aml_path(a, region);
	aml_byte(a, access | 2 << 5); /* no lock, write as zeros */
	return mark;
}

void
aml_field(struct aml *a, const char *name, unsigned bits)
{
	uint8_t length[3];

	aml_bytes(a, name, 4);
	aml_bytes(a, length, package_length(length, bits, false));
}

void
aml_field_gap(struct aml *a, unsigned bits)
{
	uint8_t length[3];

	aml_byte(a, 0); /* ReservedField */
	aml_bytes(a, length, package_length(length, bits, false));
}

/* SPDX-License-Identifier: ISC */
/* Sizes as qemu-img reads and writes them. */
#ifndef VM_IMG_SIZE_H
#define VM_IMG_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A number of bytes, or with a suffix b, k, M, G, T, P or E (powers of 1024, either case) and then also a fraction; or
 * 0x and hexadecimal digits. False where it is none, or does not fit.
 */
bool image_size_parse(const char *s, uint64_t *out);

/* The same in min..max, for option or operand `what`; dies. */
uint64_t image_size_word(const char *what, const char *s, uint64_t min, uint64_t max);

/* "1.5 GiB": three digits that count. */
const char *image_size_text(uint64_t v, char buf[32]);

#endif

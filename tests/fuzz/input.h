/* SPDX-License-Identifier: ISC */
/* A fuzz target's input as a program of steps; past its end all is 0. */
#ifndef TESTS_FUZZ_INPUT_H
#define TESTS_FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t
input_byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

/* Big-endian, of at most so many bytes. */
static inline uint32_t
input_number(struct input *in, unsigned bytes)
{
	uint32_t v = 0;

	for (; bytes && in->left; bytes--)
		v = v << 8 | input_byte(in);
	return v;
}

/* Little-endian. */
static inline uint16_t
input_word(struct input *in)
{
	uint16_t low = input_byte(in);

	return (uint16_t)(low | input_byte(in) << 8);
}

#endif

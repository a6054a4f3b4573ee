/* links: vm-slirp/acks.c vm-slirp/fragments.c */
/* SPDX-License-Identifier: ISC */
/* Any frames through reassembly and the merging of acknowledgements: input is a byte of length, the frame, and so on. */
#include <stdlib.h>
#include <string.h>

#include "vm-slirp/acks.h"
#include "vm-slirp/fragments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
take(void *arg, const void *frame, size_t len)
{
	volatile uint8_t sum = 0;

	(void)arg;
	for (size_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + ((const uint8_t *)frame)[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fragments f;
	struct acks a = {.send = take};
	int64_t now = 1;

	for (size_t i = 0; i < FRAGMENTS_AT_ONCE; i++)
		f.datagrams[i].since = 0;
	acks_begin(&a);
	while (size > 1) {
		size_t len = data[0] < size - 1 ? data[0] : size - 1;
		uint8_t *copy = malloc(len ? len : 1); /* so that a byte too far is noticed */
		const uint8_t *frame = copy;
		uint16_t sum;

		if (!copy)
			abort();
		memcpy(copy, data + 1, len);
		data += len + 1;
		size -= len + 1;
		now += len * 100;
		if (len >= FRAGMENTS_HEAD) { /* or nothing gets past the checksum */
			memset(copy + 24, 0, 2);
			sum = (uint16_t)~segment_fold(segment_sum(copy + 14, 20, 0));
			memcpy(copy + 24, &sum, 2);
		}
		acks_put(&a, copy, len);
		if (fragments_put(&f, &frame, &len, now)) {
			if (frame != copy && len > FRAGMENTS_HEAD + FRAGMENTS_DATA)
				abort();
			take(NULL, frame, len);
		}
		free(copy);
	}
	acks_end(&a);
	return 0;
}

/* links: vm-vnc/ws_frame.c */
/* SPDX-License-Identifier: ISC */
/* WebSocket frames: whatever comes, and however it is cut, the same data come out, never more than went in. */
#include <stdlib.h>
#include <string.h>

#include "vm-vnc/ws_frame.h"

#define MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In pieces of that many bytes; what came out, in out. */
static size_t
take(struct ws_in *w, const uint8_t *data, size_t size, size_t piece, uint8_t *out)
{
	size_t all = 0;

	*w = (struct ws_in){0};
	for (size_t i = 0; i < size; i += piece) {
		size_t n = size - i < piece ? size - i : piece, got;

		memcpy(out + all, data + i, n);
		got = ws_take(w, out + all, n);
		if (got > n)
			abort();
		all += got;
	}
	return all;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t whole[MAX], cut[MAX];
	struct ws_in a, b;
	size_t n;

	if (!size || size > MAX)
		return 0;
	n = take(&a, data + 1, size - 1, MAX, whole);
	if (take(&b, data + 1, size - 1, 1 + data[0] % 16, cut) != n || memcmp(whole, cut, n))
		abort();
	if (a.closed != b.closed || a.pinged != b.pinged || a.ncontrol != b.ncontrol || memcmp(a.control, b.control, a.ncontrol))
		abort();
	return 0;
}

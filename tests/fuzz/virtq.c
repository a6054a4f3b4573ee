/* SPDX-License-Identifier: ISC */
/* links: kvm-run/virtq.c kvm-run/mem.c */
/* Rings of any content: what is popped lies in RAM, keeps the sums, and ends; nothing outside of RAM is touched (ASan). */
#include <stdlib.h>

#include "tests/unit/ring.h"

#define SIZE 16

static void
must(int held)
{
	if (!held)
		abort();
}

static void
check_chain(const struct ring *r, const struct vq_chain *c)
{
	size_t sums[2] = {0, 0};

	must(c->nout + c->nin <= SIZE && c->head < SIZE);
	for (unsigned i = 0; i < c->nout + c->nin; i++) {
		const uint8_t *p = c->iov[i].iov_base;

		must(p >= r->ram && c->iov[i].iov_len && c->iov[i].iov_len <= (size_t)(r->ram + RING_RAM - p));
		sums[i >= c->nout] += c->iov[i].iov_len;
	}
	must(sums[0] == c->out_len && sums[1] == c->in_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: flags, the index, then descriptors and ring entries as they lie in memory; the rest is an indirect table. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ring r;
	struct iovec iov[SIZE];
	struct vq_chain c;
	const size_t descs = 16 * SIZE, avail = 2 * SIZE;

	if (size < 2 + descs + avail || !ring_start(&r, SIZE, data[0] & 1))
		return 0;
	ring_set16(&r, RING_AVAIL + 2, data[1]);
	memcpy(r.ram + RING_DESC, data + 2, descs);
	memcpy(r.ram + RING_AVAIL + 4, data + 2 + descs, avail);
	size -= 2 + descs + avail;
	memcpy(r.ram + RING_DATA, data + 2 + descs + avail, size < 4096 ? size : 4096);
	for (unsigned taken = 0; vq_pop(&r.q, &c, iov, SIZE) == 1; taken++) {
		must(taken < SIZE);
		check_chain(&r, &c);
		vq_push(&r.q, c.head, 0);
		vq_need_interrupt(&r.q);
		vq_want_kicks(&r.q);
	}
	must(r.q.broken || !vq_want_kicks(&r.q));
	return 0;
}

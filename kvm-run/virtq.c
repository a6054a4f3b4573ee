/* SPDX-License-Identifier: ISC */
/* The virtqueue walker; the contracts are in virtq.h. Section numbers are virtio 1.2's. x86 only: no byte swapping. */
#include <string.h>

#include "kvm-run/stats.h"
#include "kvm-run/virtq.h"

#define DESC_NEXT 1	/* 2.7.5 */
#define DESC_WRITE 2
#define DESC_INDIRECT 4
#define NO_INTERRUPT 1 /* avail flags, 2.7.6 */
#define NO_NOTIFY 1    /* used flags, 2.7.8 */

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct used_elem {
	uint32_t id, len;
};

/* The rings' 16-bit fields lie at even offsets of aligned rings: plain atomic accesses. */
static uint16_t
load16(const void *ring, size_t off)
{
	return __atomic_load_n((const uint16_t *)((const char *)ring + off), __ATOMIC_ACQUIRE);
}

static void
store16(void *ring, size_t off, uint16_t v)
{
	__atomic_store_n((uint16_t *)((char *)ring + off), v, __ATOMIC_RELEASE);
}

/* avail: flags 0, idx 2, ring 4, used_event after it. used: flags 0, idx 2, ring 4, avail_event after it. */
static size_t
used_event_off(const struct virtq *q)
{
	return 4 + 2 * (size_t)q->size;
}

static size_t
avail_event_off(const struct virtq *q)
{
	return 4 + sizeof(struct used_elem) * q->size;
}

static int
broken(struct virtq *q, const char *why)
{
	q->broken = why;
	return -1;
}

bool
vq_start(struct virtq *q, const struct guest_mem *mem)
{
	q->mem = mem;
	q->next_avail = q->next_used = q->signalled = 0;
	q->signalled_valid = false;
	q->broken = NULL;
	if (!q->size || q->size > VIRTQ_SIZE_MAX || (q->size & (q->size - 1)))
		return broken(q, "queue size is no power of two in range"), false;
	if ((q->desc_gpa & 15) || (q->avail_gpa & 1) || (q->used_gpa & 3)) /* 2.7 */
		return broken(q, "ring is misaligned"), false;
	q->desc = guest_ptr(mem, q->desc_gpa, sizeof(struct desc) * q->size);
	q->avail = guest_ptr(mem, q->avail_gpa, used_event_off(q) + 2);
	q->used = guest_ptr(mem, q->used_gpa, avail_event_off(q) + 2);
	if (!q->desc || !q->avail || !q->used)
		return broken(q, "ring is outside of RAM"), false;
	return true;
}

/* Adds one checked buffer to the chain. */
static int
add_buffer(struct virtq *q, struct vq_chain *c, unsigned max, const struct desc *d)
{
	bool in = d->flags & DESC_WRITE;
	void *p;

	if (!d->len)
		return 0;
	if (!in && c->nin)
		return broken(q, "readable buffer after a writable one"); /* 2.7.4.2 */
	if (c->nout + c->nin >= max)
		return broken(q, "chain has too many buffers");
	p = guest_ptr(q->mem, d->addr, d->len);
	if (!p)
		return broken(q, "buffer is outside of RAM");
	c->iov[c->nout + c->nin] = (struct iovec){p, d->len};
	if (in) {
		c->nin++;
		c->in_len += d->len;
	} else {
		c->nout++;
		c->out_len += d->len;
	}
	return 0;
}

/* Walks a table of n descriptors from `at`. No legal chain has more than q->size links, which also ends every loop. */
static int
walk(struct virtq *q, struct vq_chain *c, unsigned max, const struct desc *table, unsigned n, unsigned at, bool indirect)
{
	for (unsigned links = 0;; links++) {
		struct desc d;

		if (at >= n)
			return broken(q, "descriptor index out of range");
		if (links >= q->size)
			return broken(q, "chain is a loop or too long");
		/* The guest may change it under us: one copy, which the compiler must not read again. */
		memcpy(&d, &table[at], sizeof(d));
		__asm__ volatile("" : : "r"(&d) : "memory");
		if (d.flags & DESC_INDIRECT) {
			const struct desc *t;

			/* 2.7.5.3: not nested, not chained; a table of whole descriptors */
			if (indirect || (d.flags & DESC_NEXT) || !d.len || d.len % sizeof(d))
				return broken(q, "bad indirect descriptor");
			t = guest_ptr(q->mem, d.addr, d.len);
			if (!t)
				return broken(q, "indirect table is outside of RAM");
			return walk(q, c, max, t, d.len / sizeof(d), 0, true);
		}
		if (add_buffer(q, c, max, &d))
			return -1;
		if (!(d.flags & DESC_NEXT))
			return 0;
		at = d.next;
	}
}

int
vq_pop(struct virtq *q, struct vq_chain *c, struct iovec *iov, unsigned max)
{
	uint16_t pending, head;

	if (q->broken)
		return -1;
	pending = (uint16_t)(load16(q->avail, 2) - q->next_avail);
	if (!pending)
		return 0;
	if (pending > q->size)
		return broken(q, "available index runs ahead of the ring");
	head = load16(q->avail, 4 + 2 * (size_t)(q->next_avail & (q->size - 1)));
	*c = (struct vq_chain){.head = head, .iov = iov};
	if (walk(q, c, max, q->desc, q->size, head, false))
		return -1;
	q->next_avail++;
	stats_count(&q->counts.chains, 1);
	stats_count(&q->counts.out_bytes, c->out_len);
	return 1;
}

void
vq_unpop(struct virtq *q)
{
	q->next_avail--;
	stats_count(&q->counts.chains, -1ULL);
}

void
vq_fill(struct virtq *q, uint16_t head, uint32_t written, unsigned ahead)
{
	size_t slot = (uint16_t)(q->next_used + ahead) & (q->size - 1);
	struct used_elem e = {head, written};

	memcpy((char *)q->used + 4 + slot * sizeof(e), &e, sizeof(e));
	stats_count(&q->counts.in_bytes, written);
}

void
vq_publish(struct virtq *q, unsigned n)
{
	q->next_used = (uint16_t)(q->next_used + n);
	/* A lap of 2^16 would make an old `signalled` look new. */
	if ((uint16_t)(q->next_used - q->signalled) < n)
		q->signalled_valid = false;
	store16(q->used, 2, q->next_used);
}

void
vq_push(struct virtq *q, uint16_t head, uint32_t written)
{
	vq_fill(q, head, written, 0);
	vq_publish(q, 1);
}

bool
vq_need_interrupt(struct virtq *q)
{
	uint16_t event, since, until;
	bool valid = q->signalled_valid;

	if (q->broken)
		return false;
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the index is out before the driver's wish is read, 2.7.7.2 */
	if (!q->event_idx)
		return !(load16(q->avail, 0) & NO_INTERRUPT);
	event = load16(q->avail, used_event_off(q));
	since = (uint16_t)(q->next_used - q->signalled);
	until = (uint16_t)(q->next_used - event - 1);
	q->signalled = q->next_used;
	q->signalled_valid = true;
	return !valid || until < since; /* 2.7.7.1: did the index step over event? */
}

bool
vq_want_kicks(struct virtq *q)
{
	if (q->broken)
		return false;
	if (q->event_idx)
		store16(q->used, avail_event_off(q), q->next_avail);
	else
		store16(q->used, 0, 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the wish is out before the index is read again, 2.7.10 */
	return load16(q->avail, 2) != q->next_avail;
}

void
vq_no_kicks(struct virtq *q)
{
	/* With EVENT_IDX a stale avail_event says the same. */
	if (!q->broken && !q->event_idx)
		store16(q->used, 0, NO_NOTIFY);
}

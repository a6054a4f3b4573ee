/* SPDX-License-Identifier: ISC */
/* links: kvm-run/virtq.c kvm-run/mem.c */
/* The virtqueue walker: legal chains as they are, every breach of the rules found, interrupts as virtio 1.2, 2.7.7 says. */
#include "tests/unit/ring.h"
#include "tests/unit/tap.h"

static struct ring r;
static struct iovec iov[8];
static struct vq_chain c;

static int
pop(void)
{
	return vq_pop(&r.q, &c, iov, 8);
}

static void
test_chain(void)
{
	ring_start(&r, 8, false);
	ok(pop() == 0, "an empty ring gives nothing");
	ring_desc(&r, RING_DESC, 3, RING_DATA, 100, NEXT, 5);
	ring_desc(&r, RING_DESC, 5, RING_DATA + 0x1000, 50, NEXT | WRITE, 1);
	ring_desc(&r, RING_DESC, 1, RING_DATA + 0x2000, 7, WRITE, 0);
	ring_offer(&r, 3);
	ok(pop() == 1 && c.head == 3 && c.nout == 1 && c.nin == 2, "a chain is taken");
	ok(c.out_len == 100 && c.in_len == 57 && iov[1].iov_base == r.ram + RING_DATA + 0x1000, "its buffers and sums");
	ok(pop() == 0, "once");
	vq_push(&r.q, c.head, 57);
	ok(ring_get16(&r, RING_USED + 2) == 1 && r.ram[RING_USED + 4] == 3 && r.ram[RING_USED + 8] == 57,
	    "and appears in the used ring with its length");
	ring_desc(&r, RING_DESC, 0, RING_DATA, 0, NEXT, 1);
	ring_offer(&r, 0);
	ok(pop() == 1 && c.nout == 0 && c.nin == 1, "an empty buffer is passed over");
	vq_unpop(&r.q);
	ok(pop() == 1 && c.head == 0, "a chain that was put back comes again");
	ok(r.q.counts.chains == 2 && r.q.counts.out_bytes == 100 && r.q.counts.in_bytes == 57, "and is counted once");
}

static void
test_indirect(void)
{
	ring_start(&r, 4, false);
	ring_desc(&r, RING_DATA + 1, 0, RING_DATA + 0x1000, 10, NEXT, 2); /* a table may lie anywhere */
	ring_desc(&r, RING_DATA + 1, 2, RING_DATA + 0x2000, 20, WRITE, 0);
	ring_desc(&r, RING_DESC, 2, RING_DATA + 1, 3 * 16, INDIRECT, 0);
	ring_offer(&r, 2);
	ok(pop() == 1 && c.head == 2 && c.nout == 1 && c.nin == 1 && c.in_len == 20, "an indirect chain");
	ring_desc(&r, RING_DATA + 1, 0, RING_DATA, 16, INDIRECT, 0);
	ring_offer(&r, 2);
	ok(pop() == -1, "no table within a table");
	ring_start(&r, 4, false);
	ring_desc(&r, RING_DESC, 0, RING_DATA, 40, INDIRECT, 0);
	ring_offer(&r, 0);
	ok(pop() == -1, "no table of two and a half descriptors");
	ring_start(&r, 4, false);
	ring_desc(&r, RING_DESC, 0, RING_RAM - 16, 32, INDIRECT, 0);
	ring_offer(&r, 0);
	ok(pop() == -1, "no table outside of RAM");
	ring_start(&r, 4, false);
	ring_desc(&r, RING_DESC, 0, RING_DATA, 32, INDIRECT | NEXT, 1);
	ring_offer(&r, 0);
	ok(pop() == -1, "no descriptor after a table");
}

/* One descriptor that must not be taken. */
static void
test_bad(const char *name, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	ring_start(&r, 8, false);
	ring_desc(&r, RING_DESC, 0, addr, len, flags, next);
	ring_desc(&r, RING_DESC, 1, RING_DATA, 1, 0, 0);
	ring_offer(&r, 0);
	ok(pop() == -1 && r.q.broken, "%s", name);
	ok(pop() == -1, "%s: and the ring stays broken", name);
}

static void
test_breaches(void)
{
	test_bad("a buffer past the end of RAM", RING_RAM - 10, 11, 0, 0);
	test_bad("a buffer outside of RAM", 1ULL << 40, 1, 0, 0);
	test_bad("an address that wraps around", UINT64_MAX - 4, 100, 0, 0);
	test_bad("a loop of one", RING_DATA, 1, NEXT, 0);
	test_bad("a next out of the table", RING_DATA, 1, NEXT, 8);
	test_bad("readable after writable", RING_DATA, 1, NEXT | WRITE, 1);
	ring_start(&r, 8, false);
	ring_offer(&r, 8);
	ok(pop() == -1, "a head out of the table");
	ring_start(&r, 8, false);
	ring_set16(&r, RING_AVAIL + 2, 9);
	ok(pop() == -1, "more available than the ring holds");
	ring_start(&r, 8, false);
	for (uint16_t i = 0; i < 8; i++)
		ring_desc(&r, RING_DESC, i, RING_DATA, 1, NEXT, (uint16_t)((i + 1) % 8));
	ring_offer(&r, 0);
	ok(pop() == -1, "a loop of all");
	ring_start(&r, 8, false);
	ring_desc(&r, RING_DESC, 0, RING_DATA, 1, NEXT, 1);
	ring_desc(&r, RING_DESC, 1, RING_DATA, 1, 0, 0);
	ring_offer(&r, 0);
	ok(vq_pop(&r.q, &c, iov, 1) == -1, "more buffers than the caller has room for");
}

static void
test_start(void)
{
	ok(ring_start(&r, VIRTQ_SIZE_MAX, false), "the largest ring");
	ok(!ring_start(&r, 0, false) && !ring_start(&r, 3, false), "sizes that are no power of two are refused");
	ring_start(&r, 8, false);
	r.q.avail_gpa = RING_RAM - 21;
	ok(!vq_start(&r.q, &r.mem), "a misaligned ring is refused");
	r.q.avail_gpa = RING_RAM - 20; /* 4 + 2 * 8 + 2 are needed */
	ok(!vq_start(&r.q, &r.mem), "a ring that ends outside of RAM is refused");
	r.q.avail_gpa = RING_RAM - 22;
	ok(vq_start(&r.q, &r.mem), "one that just fits is taken");
}

/* Pushes one and tells whether the driver is to be interrupted. */
static bool
push_one(void)
{
	vq_push(&r.q, 0, 0);
	return vq_need_interrupt(&r.q);
}

static void
test_interrupts(void)
{
	const uint64_t used_event = RING_AVAIL + 4 + 2 * 4, avail_event = RING_USED + 4 + 8 * 4;

	ring_start(&r, 4, false);
	ok(push_one(), "an interrupt by default");
	ring_set16(&r, RING_AVAIL, 1);
	ok(!push_one(), "none with NO_INTERRUPT");
	vq_no_kicks(&r.q);
	ok(ring_get16(&r, RING_USED) == 1, "NO_NOTIFY is said");
	ring_offer(&r, 0);
	ok(vq_want_kicks(&r.q) && ring_get16(&r, RING_USED) == 0, "kicks wanted again: what came meanwhile is seen");

	ring_start(&r, 4, true);
	ring_set16(&r, used_event, 1);
	ok(push_one(), "EVENT_IDX: the first time always");
	ok(push_one(), "stepping over the event index");
	ok(!push_one(), "not beyond it");
	ring_set16(&r, used_event, 3);
	ok(push_one(), "at the new one");
	for (unsigned i = 0; i < 65536; i++)
		vq_push(&r.q, 0, 0);
	ok(vq_need_interrupt(&r.q), "after a lap of all indexes an interrupt is sent to be safe");
	ring_offer(&r, 0);
	pop();
	ok(!vq_want_kicks(&r.q) && ring_get16(&r, avail_event) == 1, "the index of the next wanted kick is said");
}

static void
test_iov(void)
{
	char a[4] = "abc", b[4] = "def", out[8] = "";
	struct iovec v[2] = {{a, 3}, {b, 3}}, *p = v;
	unsigned n = 2;

	ok(iov_read(v, 2, 2, out, 8) == 4 && !memcmp(out, "cdef", 4), "iov_read over a seam, to the end");
	ok(iov_write(v, 2, 2, "XY", 2) == 2 && a[2] == 'X' && b[0] == 'Y', "iov_write over a seam");
	ok(iov_read(v, 2, 6, out, 1) == 0, "iov_read past the end");
	iov_skip(&p, &n, 4);
	ok(n == 1 && p == v + 1 && p->iov_len == 2 && p->iov_base == b + 1, "iov_skip");
	iov_skip(&p, &n, 9);
	ok(n == 0, "iov_skip past the end");
}

/* guest_ptr on both pieces of RAM, around the hole. */
static void
test_guest_ptr(void)
{
	static uint8_t ram[0x3000];
	struct guest_mem m = {.base = ram, .size = sizeof(ram), .low_size = 0x2000, .high_size = 0x1000, .fd = -1};

	ok(guest_ptr(&m, 0, 0x2000) == ram && !guest_ptr(&m, 0, 0x2001), "low RAM to its end");
	ok(guest_ptr(&m, 0x1fff, 1) && !guest_ptr(&m, 0x2000, 1) && !guest_ptr(&m, 0x2000, 0), "nothing in the hole");
	ok(guest_ptr(&m, MEM_HIGH_START, 0x1000) == ram + 0x2000 && !guest_ptr(&m, MEM_HIGH_START, 0x1001), "high RAM");
	ok(!guest_ptr(&m, MEM_HIGH_START - 1, 2) && !guest_ptr(&m, UINT64_MAX, 2), "nothing across an edge or around");
}

int
main(void)
{
	test_chain();
	test_indirect();
	test_breaches();
	test_start();
	test_interrupts();
	test_iov();
	test_guest_ptr();
	return tap_done();
}

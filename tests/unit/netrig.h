/* SPDX-License-Identifier: ISC */
/* A network device without a machine, seen from its driver: guest memory and hand-made rings. */
#include <poll.h>

#include "tests/unit/netstub.h"

#define MEM_SIZE (16 << 20)
#define QUEUE_AREA 0x10000 /* the rings of queue i are at i * QUEUE_AREA */
#define BUFFERS 0x800000   /* what the tests put buffers into */

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

/* The driver's end of a queue. */
struct ring {
	struct desc *desc;
	uint16_t *avail; /* flags, idx, ring */
	uint16_t *used;	 /* flags, idx, then elements of 8 bytes */
	uint16_t taken;	 /* used elements seen */
	unsigned size, next_desc;
};

static struct ring ring[VIRTIO_QUEUES_MAX];
static uint64_t next_buffer;
static unsigned test_no;

static void
rig_start_on_thread(void *arg)
{
	struct virtio_dev *d = rig.dev;
	bool *ok = arg;

	for (unsigned i = 0; i < d->nqueues; i++) {
		struct virtio_queue *q = &d->queues[i];

		q->vq.desc_gpa = (uint64_t)i * QUEUE_AREA;
		q->vq.avail_gpa = q->vq.desc_gpa + 0x4000;
		q->vq.used_gpa = q->vq.desc_gpa + 0x8000;
		q->enabled = true;
		q->vq.event_idx = d->features & VIRTIO_F_EVENT_IDX;
		memset(guest_ptr(&rig.vm.mem, q->vq.desc_gpa, QUEUE_AREA), 0, QUEUE_AREA);
		if (!vq_start(&q->vq, &rig.vm.mem))
			abort();
		ring[i] = (struct ring){.desc = q->vq.desc, .avail = q->vq.avail, .used = q->vq.used, .size = q->vq.size};
	}
	*ok = d->ops->start(d);
	d->running = *ok;
	for (unsigned i = 0; i < d->nqueues && *ok; i++)
		d->ops->kick(d, i);
}

/* The driver accepts these of the offered features and says DRIVER_OK. */
static bool
rig_start(uint64_t features)
{
	bool ok = false;

	next_buffer = BUFFERS;
	rig.broken = NULL;
	rig.dev->features = rig.dev->offered & features;
	iothread_call(rig.dev->io, rig_start_on_thread, &ok);
	return ok;
}

static void
rig_stop_on_thread(void *arg)
{
	(void)arg;
	if (rig.dev->running)
		rig.dev->ops->stop(rig.dev);
	rig.dev->running = false;
}

static void
rig_stop(void)
{
	iothread_call(rig.dev->io, rig_stop_on_thread, NULL);
}

static const char *
rig_create(const char *word, enum wire_as as)
{
	static char why[256];
	static struct wire w;
	const char *bad;

	if (!rig.vm.mem.base && mem_init(&rig.vm.mem, MEM_SIZE, 0, -1))
		abort();
	if (!wire_parse(&w, word, strlen(word), &bad))
		return bad;
	if (!w.id[0])
		strcpy(w.id, "net0");
	rig_as = as;
	bad = net_create(&rig.vm, &w, false, &rig.dev, why, sizeof(why));
	rig.net = bad ? NULL : container_of(rig.dev, struct net_dev, virtio);
	return bad;
}

static void
rig_destroy(void)
{
	rig_stop();
	rig.dev->ops->destroy(rig.dev);
}

static void
rig_kick_on_thread(void *arg)
{
	rig.dev->ops->kick(rig.dev, *(unsigned *)arg);
}

static void
rig_kick(unsigned q)
{
	iothread_call(rig.dev->io, rig_kick_on_thread, &q);
}

/* One buffer of a chain; `flags` 2 for one that the device writes, 1 when another follows. Returns its memory. */
static void *
rig_buffer(unsigned q, size_t len, uint16_t flags)
{
	struct ring *r = &ring[q];
	unsigned i = r->next_desc++ % r->size;

	r->desc[i] = (struct desc){next_buffer, (uint32_t)len, flags, (uint16_t)((i + 1) % r->size)};
	next_buffer += len;
	return guest_ptr(&rig.vm.mem, r->desc[i].addr, len);
}

/* Makes the chain available whose last n descriptors were added. */
static void
rig_avail(unsigned q, unsigned n)
{
	struct ring *r = &ring[q];
	uint16_t idx = r->avail[1];

	r->avail[2 + idx % r->size] = (uint16_t)((r->next_desc - n) % r->size);
	__atomic_store_n(&r->avail[1], (uint16_t)(idx + 1), __ATOMIC_RELEASE);
}

static void *
rig_post_rx(unsigned q, size_t len)
{
	void *p = rig_buffer(q, len, 2);

	rig_avail(q, 1);
	return p;
}

/* Bytes that tell frames apart. */
static void
fill_frame(uint8_t *f, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		f[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

/* How many used elements there are that were not taken yet. */
static unsigned
rig_used(unsigned q)
{
	return (uint16_t)(__atomic_load_n(&ring[q].used[1], __ATOMIC_ACQUIRE) - ring[q].taken);
}

/* Waits for n used elements, at most two seconds. */
static bool
rig_wait_used(unsigned q, unsigned n)
{
	for (unsigned ms = 0; ms < 2000; ms++) {
		if (rig_used(q) >= n)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

/* The length of the next used element. */
static inline uint32_t
rig_take(unsigned q)
{
	struct ring *r = &ring[q];
	const uint8_t *e = (const uint8_t *)r->used + 4 + 8 * (size_t)(r->taken++ % r->size);
	uint32_t len;

	memcpy(&len, e + 4, sizeof(len));
	return len;
}

/* Waits until a condition on the device holds; other threads change it. */
#define rig_until(cond)                                                                                                \
	({                                                                                                             \
		bool met_ = false;                                                                                     \
		for (unsigned ms_ = 0; ms_ < 3000 && !(met_ = (cond)); ms_++)                                          \
			poll(NULL, 0, 1);                                                                              \
		met_;                                                                                                  \
	})

/* --- TAP --- */

static void
ok(bool cond, const char *what)
{
	printf("%sok %u - %s\n", cond ? "" : "not ", ++test_no, what);
}

static int
done_testing(void)
{
	printf("1..%u\n", test_no);
	return 0;
}

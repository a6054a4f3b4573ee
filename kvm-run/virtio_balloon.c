/* SPDX-License-Identifier: ISC */
/* virtio-balloon; the contracts are in virtio_balloon.h, section numbers are virtio 1.2's. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/util.h"
#include "kvm-run/ctl.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_balloon.h"
#include "kvm-run/vm.h"

#define QUEUE_SIZE 128 /* Linux wants room for 32 ranges in a report */
#define NUMBERS 256    /* page numbers looked at together: as many as Linux sends at once */
#define NUMBERS_MAX 16384 /* of one request; more would keep the other devices of the thread waiting */
#define STAT_SIZE 10

/* Feature bits, 5.5.3 */
#define F_STATS 1
#define F_DEFLATE_ON_OOM 2
#define F_PAGE_POISON 4
#define F_REPORTING 5

/* 5.5.4 */
struct config {
	uint32_t num_pages, actual;
	uint32_t hint; /* of free page hinting, which is not offered */
	uint32_t poison_val;
};

enum { INFLATE, DEFLATE, STATS, QUEUES = 5 };

struct balloon {
	struct virtio_dev dev; /* first: the transport casts back */
	atomic_uint target;    /* pages */
	bool poisoned;	       /* the guest wants to find in its free pages what it has put there */
	/* the I/O thread's */
	bool holding; /* the buffer for statistics, to be given back when they are asked for */
	uint16_t held;
	bool asked;	      /* the answer to balloon_ask */
	pthread_mutex_t lock; /* of what follows: the I/O thread writes, the main thread reads */
	uint64_t returned;
	struct balloon_stats stats;
};

static struct balloon *
balloon_of(struct virtio_dev *d)
{
	return container_of(d, struct balloon, dev);
}

static bool
has(const struct balloon *b, unsigned feature)
{
	return b->dev.features >> feature & 1;
}

/* Memory that is kept has its reasons for all of it: what is plugged in, too. */
static void
discard(struct balloon *b, void *at, uint64_t len)
{
	const struct guest_mem *m = &b->dev.vm->mem;
	uint64_t given = m->keep ? 0 : mem_discard(m, at, len);

	pthread_mutex_lock(&b->lock);
	b->returned += given;
	pthread_mutex_unlock(&b->lock);
}

/* A run of pages that the guest has in its balloon. Where it is not all RAM of one piece, page by page; numbers of no RAM are
 * nothing to us. */
static void
give_up(struct balloon *b, uint64_t first, uint64_t n)
{
	void *at = guest_ptr(&b->dev.vm->mem, first * BALLOON_PAGE, n * BALLOON_PAGE);

	if (at)
		discard(b, at, n * BALLOON_PAGE);
	for (uint64_t i = 0; !at && n > 1 && i < n; i++)
		give_up(b, first + i, 1);
}

/* Neighbours, rising or falling as the guest's allocator has them, go back in one call: each stops all vCPUs for a moment. */
static void
give_up_all(struct balloon *b, const uint32_t *number, size_t n)
{
	uint64_t low = 0, high = 0; /* the run, its end not in it */

	for (size_t i = 0; i < n; i++) {
		uint64_t page = le32toh(number[i]);

		if (low < high && page == high) {
			high++;
		} else if (low < high && page + 1 == low) {
			low--;
		} else {
			if (low < high)
				give_up(b, low, high - low);
			low = page;
			high = page + 1;
		}
	}
	if (low < high)
		give_up(b, low, high - low);
}

/* 5.5.6: page numbers of 32 bits. */
static void
inflate(struct balloon *b, const struct vq_chain *c)
{
	uint32_t number[NUMBERS];
	size_t got;

	for (size_t off = 0; off < NUMBERS_MAX * sizeof(*number); off += got) {
		got = iov_read(c->iov, c->nout, off, number, sizeof(number));
		give_up_all(b, number, got / sizeof(*number));
		if (got < sizeof(number))
			break;
	}
}

/* 5.5.6.7: the buffers themselves are the free pages. They are written to when they are dropped, as far as the guest can tell;
 * with bytes of its own in them (5.5.6.6) they cannot be. */
static void
report(struct balloon *b, const struct vq_chain *c)
{
	for (unsigned i = c->nout; i < c->nout + c->nin && !b->poisoned; i++)
		discard(b, c->iov[i].iov_base, c->iov[i].iov_len);
}

/* 5.5.6.3: pairs of a tag and a value, packed. What is left of an odd length is none. */
static void
read_stats(struct balloon *b, const struct vq_chain *c)
{
	uint8_t bytes[4 * BALLOON_STATS * STAT_SIZE];
	size_t len = iov_read(c->iov, c->nout, 0, bytes, sizeof(bytes));
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&b->lock);
	memset(b->stats.value, 0xff, sizeof(b->stats.value));
	for (size_t off = 0; off + STAT_SIZE <= len; off += STAT_SIZE)
		if (get_le16(bytes + off) < BALLOON_STATS)
			b->stats.value[get_le16(bytes + off)] = get_le64(bytes + off + 2);
	b->stats.at = (uint64_t)now.tv_sec;
	b->stats.count++;
	pthread_mutex_unlock(&b->lock);
}

/* 5.5.6.3: the buffer stays here until there is a question. A second one, which no driver gives, sends the first one back. */
static void
take_stats(struct balloon *b, const struct vq_chain *c)
{
	if (b->holding)
		vq_push(&b->dev.queues[STATS].vq, b->held, 0);
	read_stats(b, c);
	b->holding = true;
	b->held = c->head;
	ctl_wake(b->dev.vm);
}

/* Free page hinting is not offered, and statistics may be not wanted. By 5.5.2 the queues behind keep their numbers then; with
 * Linux they move up. So each of those is for reports. */
static const char *
serve(struct virtio_dev *d, unsigned q, const struct vq_chain *c)
{
	struct balloon *b = balloon_of(d);

	if (q == STATS && has(b, F_STATS)) {
		take_stats(b, c);
		return NULL;
	}
	if (q == INFLATE)
		inflate(b, c);
	else if (q != DEFLATE) /* pages taken back come as they are used */
		report(b, c);
	vq_push(&d->queues[q].vq, c->head, 0);
	return NULL;
}

/* One request a lap: giving back takes its time. */
static void
kick(struct virtio_dev *d, unsigned q)
{
	virtio_lap(d, q, 1, serve);
}

static bool
start(struct virtio_dev *d)
{
	struct balloon *b = balloon_of(d);

	b->poisoned = has(b, F_PAGE_POISON) &&
	    !bytes_zero(&d->config[offsetof(struct config, poison_val)], 4);
	return true;
}

static void
stop(struct virtio_dev *d)
{
	struct balloon *b = balloon_of(d);

	b->holding = false;
	pthread_mutex_lock(&d->lock);
	put_le32(&d->config[offsetof(struct config, actual)], 0);
	pthread_mutex_unlock(&d->lock);
}

/* The driver's are `actual` and `poison_val`; over the rest it may not write. */
static void
config_written(struct virtio_dev *d, unsigned off, unsigned len)
{
	(void)off;
	(void)len;
	put_le32(&d->config[offsetof(struct config, num_pages)], balloon_of(d)->target);
	put_le32(&d->config[offsetof(struct config, hint)], 0);
}

static void
destroy(struct virtio_dev *d)
{
	free(balloon_of(d));
}

static const struct virtio_ops ops = {
	.device_id = VIRTIO_ID_BALLOON,
	.class_code = 0x088000, /* base system peripheral, other */
	.start = start,
	.stop = stop,
	.kick = kick,
	.config_written = config_written,
	.destroy = destroy,
};

void
balloon_set(struct virtio_dev *d, uint64_t bytes)
{
	uint32_t pages = (uint32_t)min_u64(bytes / BALLOON_PAGE, UINT32_MAX);
	uint8_t field[4];

	balloon_of(d)->target = pages;
	put_le32(field, pages);
	virtio_config_set(d, offsetof(struct config, num_pages), field, sizeof(field));
}

static void
give_back(void *arg)
{
	struct balloon *b = arg;

	b->asked = b->holding;
	b->holding = false;
	if (!b->asked)
		return;
	vq_push(&b->dev.queues[STATS].vq, b->held, 0);
	virtio_interrupt(&b->dev, STATS);
}

bool
balloon_ask(struct virtio_dev *d)
{
	struct balloon *b = balloon_of(d);

	iothread_call(d->io, give_back, b);
	return b->asked;
}

void
balloon_get(struct virtio_dev *d, struct balloon_state *s)
{
	struct balloon *b = balloon_of(d);

	pthread_mutex_lock(&d->lock);
	s->driver = d->running;
	s->actual = get_le32(&d->config[offsetof(struct config, actual)]) * BALLOON_PAGE;
	pthread_mutex_unlock(&d->lock);
	s->target = b->target * BALLOON_PAGE;
	pthread_mutex_lock(&b->lock);
	s->returned = b->returned;
	s->stats = b->stats;
	pthread_mutex_unlock(&b->lock);
}

/* Preallocated and locked memory is not to come and go: then nobody need report. */
static uint64_t
offered(const struct vm *vm)
{
	uint64_t f = 1ULL << F_STATS | 1ULL << F_PAGE_POISON;

	if (vm->opt.memory.balloon != BALLOON_HARD)
		f |= 1ULL << F_DEFLATE_ON_OOM;
	if (!vm->mem.keep)
		f |= 1ULL << F_REPORTING;
	return f;
}

const char *
balloon_create(struct vm *vm, struct virtio_dev **out, char *why, size_t size)
{
	struct balloon *b = calloc(1, sizeof(*b));
	int err = b ? 0 : -ENOMEM;

	if (!err) {
		pthread_mutex_init(&b->lock, NULL);
		memset(b->stats.value, 0xff, sizeof(b->stats.value));
		b->dev.ops = &ops;
		strcpy(b->dev.id, "balloon");
		b->dev.io = vm->io;
		b->dev.offered = offered(vm);
		b->dev.config_len = sizeof(struct config);
		b->dev.nqueues = QUEUES;
		for (unsigned i = 0; i < QUEUES; i++)
			b->dev.queues[i].size_max = QUEUE_SIZE;
		err = virtio_plug(&b->dev, vm, false);
	}
	if (err) {
		free(b);
		snprintf(why, size, "%s", strerror(-err));
		return why;
	}
	*out = &b->dev;
	return NULL;
}

/* SPDX-License-Identifier: ISC */
/* virtio-mem; the contracts are in virtio_mem.h, section numbers are virtio 1.2's. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/util.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_mem.h"
#include "kvm-run/virtio_mem_region.h"
#include "kvm-run/vm.h"

#define QUEUE_SIZE 128

/* 5.15.3 */
#define F_ACPI_PXM 0
#define F_UNPLUGGED_INACCESSIBLE 1

/* Linux adds memory in units of 128 MiB, with 64 GiB and more of up to 2 GiB (its probe_memory_block_size): what is usable has
 * room for two that are not filled. */
#define SLACK (256ULL << 20)
#define SLACK_LARGE (4ULL << 30)
#define LARGE (64ULL << 30)

/* 5.15.4 */
struct config {
	uint64_t block_size;
	uint16_t node_id;
	uint8_t padding[6];
	uint64_t addr, region_size, usable_region_size, plugged_size, requested_size;
};

/* 5.15.6 */
enum request_type { REQ_PLUG, REQ_UNPLUG, REQ_UNPLUG_ALL, REQ_STATE };
enum response_type { RESP_ACK, RESP_NACK, RESP_BUSY, RESP_ERROR };
enum block_state { STATE_PLUGGED, STATE_UNPLUGGED, STATE_MIXED };

struct request {
	uint16_t type, padding[3];
	uint64_t addr;
	uint16_t blocks, more[3];
};

struct response {
	uint16_t type, padding[3];
	uint16_t state;
};
#define RESPONSE_SIZE 10 /* without the compiler's padding */

/* All of it is the I/O thread's. Over a reset of the device it stays as it is (5.15.6.2), so there is no stop; only that of the
 * machine takes what is plugged, see virtio_mem_reset. */
struct virtio_mem {
	struct virtio_dev dev; /* first: the transport casts back */
	uint64_t usable, plugged, requested; /* bytes */
};

static struct virtio_mem *
mem_of(struct virtio_dev *d)
{
	return container_of(d, struct virtio_mem, dev);
}

/* The three that change, as the configuration has them. */
static void
write_sizes(const struct virtio_mem *v, uint8_t sizes[24])
{
	put_le64(sizes, v->usable);
	put_le64(sizes + 8, v->plugged);
	put_le64(sizes + 16, v->requested);
}

/* 5.15.6.1: that plugged_size has changed is not notified. */
static void
update_quietly(struct virtio_mem *v)
{
	pthread_mutex_lock(&v->dev.lock);
	write_sizes(v, &v->dev.config[offsetof(struct config, usable_region_size)]);
	pthread_mutex_unlock(&v->dev.lock);
}

/* It never shrinks while something may be plugged there, 5.15.6.1. */
static void
set_usable(struct virtio_mem *v, uint64_t at_least)
{
	const struct guest_mem *m = &v->dev.vm->mem;
	uint64_t slack = m->size + m->hot.size < LARGE ? SLACK : SLACK_LARGE;

	v->usable = max_u64(at_least, min_u64(m->hot.size, v->requested + slack));
}

/* The blocks that a request is about: whole ones, some, in what is usable. */
static bool
find_blocks(const struct virtio_mem *v, const struct request *r, uint64_t *first)
{
	const struct mem_hot *h = &v->dev.vm->mem.hot;
	uint64_t off = le64toh(r->addr) - h->start;

	*first = off / h->block;
	return r->blocks && !(off % h->block) && range_within(off, le16toh(r->blocks) * h->block, v->usable);
}

static enum response_type
plug(struct virtio_mem *v, uint64_t first, uint64_t n)
{
	struct vm *vm = v->dev.vm;
	uint64_t size = n * vm->mem.hot.block;

	if (v->plugged + size > v->requested)
		return RESP_NACK;
	if (!mem_plugged(&vm->mem, first, n, false))
		return RESP_ERROR;
	if (!region_plug(vm, first, n))
		return RESP_BUSY;
	v->plugged += size;
	return RESP_ACK;
}

static enum response_type
unplug(struct virtio_mem *v, uint64_t first, uint64_t n)
{
	struct vm *vm = v->dev.vm;

	if (!mem_plugged(&vm->mem, first, n, true))
		return RESP_ERROR;
	region_unplug(vm, first, n);
	v->plugged -= n * vm->mem.hot.block;
	return RESP_ACK;
}

static void
unplug_all(struct virtio_mem *v)
{
	struct vm *vm = v->dev.vm;

	region_unplug(vm, 0, vm->mem.hot.size / vm->mem.hot.block);
	v->plugged = 0;
	set_usable(v, 0);
}

static enum block_state
state(const struct guest_mem *m, uint64_t first, uint64_t n)
{
	if (mem_plugged(m, first, n, true))
		return STATE_PLUGGED;
	return mem_plugged(m, first, n, false) ? STATE_UNPLUGGED : STATE_MIXED;
}

static void
answer(struct virtio_mem *v, const struct request *r, struct response *a)
{
	uint64_t first;
	uint16_t n = le16toh(r->blocks);
	bool valid = find_blocks(v, r, &first);
	enum response_type type = RESP_ERROR;

	if (le16toh(r->type) == REQ_UNPLUG_ALL) {
		unplug_all(v);
		type = RESP_ACK;
	} else if (valid && le16toh(r->type) == REQ_PLUG) {
		type = plug(v, first, n);
	} else if (valid && le16toh(r->type) == REQ_UNPLUG) {
		type = unplug(v, first, n);
	} else if (valid && le16toh(r->type) == REQ_STATE) {
		a->state = htole16(state(&v->dev.vm->mem, first, n));
		type = RESP_ACK;
	}
	a->type = htole16(type);
	update_quietly(v);
}

static const char *
serve(struct virtio_dev *d, unsigned q, const struct vq_chain *c)
{
	struct response a = {0};
	struct request r;

	if (iov_read(c->iov, c->nout, 0, &r, sizeof(r)) < sizeof(r) || c->in_len < RESPONSE_SIZE)
		return "request is too short";
	answer(mem_of(d), &r, &a);
	iov_write(c->iov + c->nout, c->nin, 0, &a, RESPONSE_SIZE);
	vq_push(&d->queues[q].vq, c->head, RESPONSE_SIZE);
	return NULL;
}

/* One request a lap: plugging takes its time. */
static void
kick(struct virtio_dev *d, unsigned q)
{
	virtio_lap(d, q, 1, serve);
}

static void
destroy(struct virtio_dev *d)
{
	free(mem_of(d));
}

static const struct virtio_ops ops = {
	.device_id = VIRTIO_ID_MEM,
	.class_code = 0x050000, /* memory controller, RAM */
	.kick = kick,
	.destroy = destroy,
};

static void
set_requested(void *arg)
{
	struct virtio_mem *v = arg;
	uint8_t sizes[24];

	set_usable(v, v->usable);
	write_sizes(v, sizes);
	virtio_config_set(&v->dev, offsetof(struct config, usable_region_size), sizes, sizeof(sizes));
}

void
virtio_mem_set(struct virtio_dev *d, uint64_t bytes)
{
	struct virtio_mem *v = mem_of(d);

	__atomic_store_n(&v->requested, bytes, __ATOMIC_RELAXED);
	iothread_call(d->io, set_requested, v);
}

void
virtio_mem_get(struct virtio_dev *d, struct virtio_mem_state *s)
{
	pthread_mutex_lock(&d->lock);
	s->plugged = get_le64(&d->config[offsetof(struct config, plugged_size)]);
	s->requested = get_le64(&d->config[offsetof(struct config, requested_size)]);
	pthread_mutex_unlock(&d->lock);
}

static void
power_on(void *arg)
{
	unplug_all(arg);
	update_quietly(arg);
}

void
virtio_mem_reset(struct virtio_dev *d)
{
	iothread_call(d->io, power_on, mem_of(d));
}

const char *
virtio_mem_create(struct vm *vm, struct virtio_dev **out, char *why, size_t size)
{
	struct virtio_mem *v = calloc(1, sizeof(*v));
	const struct mem_hot *h = &vm->mem.hot;
	/* Of the last node: so SRAT says, too. */
	struct config c = {.block_size = htole64(h->block), .node_id = htole16(vm->opt.memory.nodes - 1), .addr = htole64(h->start),
	    .region_size = htole64(h->size)};
	int err = v ? 0 : -ENOMEM;

	if (!err) {
		v->dev.ops = &ops;
		v->dev.vm = vm;
		strcpy(v->dev.id, "mem");
		v->dev.io = vm->io;
		v->dev.offered = 1ULL << F_UNPLUGGED_INACCESSIBLE | 1ULL << F_ACPI_PXM;
		set_usable(v, 0);
		memcpy(v->dev.config, &c, sizeof(c));
		write_sizes(v, &v->dev.config[offsetof(struct config, usable_region_size)]);
		v->dev.config_len = sizeof(c);
		v->dev.nqueues = 1;
		v->dev.queues[0].size_max = QUEUE_SIZE;
		err = virtio_plug(&v->dev, vm, false);
	}
	if (err) {
		free(v);
		snprintf(why, size, "%s", strerror(-err));
		return why;
	}
	*out = &v->dev;
	return NULL;
}

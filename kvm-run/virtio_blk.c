/* SPDX-License-Identifier: ISC */
/*
 * The block device's requests: virtio 1.2, 5.2.6. A chain is a 16-byte header, the data, and one byte of status, cut into
 * descriptors as the driver likes. All that one kick brings goes to the disk together, and all that the disk finishes
 * together goes back with one interrupt.
 */
#include <errno.h>
#include <string.h>

#include "common/diag.h"
#include "kvm-run/stats.h"
#include "kvm-run/virtio_blk_dev.h"

/* Of one kick, so that a driver that never stops adding cannot keep the thread from hearing anything else. */
#define REQUESTS_A_KICK BLK_INFLIGHT

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

struct range {
	uint64_t sector;
	uint32_t sectors, flags;
};

enum type {
	TYPE_IN = 0,
	TYPE_OUT = 1,
	TYPE_FLUSH = 4,
	TYPE_GET_ID = 8,
	TYPE_DISCARD = 11,
	TYPE_WRITE_ZEROES = 13,
};

enum status {
	STATUS_OK,
	STATUS_IOERR,
	STATUS_UNSUPP,
};

#define RANGE_UNMAP 1U

static struct blk_req *
get_req(struct blk *b)
{
	struct blk_req *r = b->free;

	if (r)
		b->free = r->next;
	else if (b->fresh < BLK_INFLIGHT)
		r = &b->reqs[b->fresh++];
	return r;
}

static void
put_req(struct blk *b, struct blk_req *r)
{
	r->next = b->free;
	b->free = r;
}

static void
answer(struct blk *b, struct blk_req *r, uint8_t status)
{
	*r->status = status;
	vq_push(&b->dev.queues[r->queue].vq, r->head, status == STATUS_OK ? r->in_len : 1);
	b->fire |= 1U << r->queue;
	put_req(b, r);
}

static void
disk_done(struct disk_req *io, int err)
{
	struct blk_req *r = container_of(io, struct blk_req, io);

	if (err)
		blk_complain(r->blk->dev.id, &r->blk->warned, io, err);
	answer(r->blk, r, err ? STATUS_IOERR : STATUS_OK);
}

static void
to_disk(struct blk *b, struct blk_req *r, enum disk_op op, unsigned flags)
{
	bool stable = op != DISK_READ && op != DISK_FLUSH && !b->writeback;

	r->io.op = op;
	r->io.flags = flags | (stable ? DISK_FUA : 0);
	r->io.done = disk_done;
	disk_submit(b->disk, &r->io);
}

/* Sets the bytes of a request; false when they are not whole blocks within the disk. */
static bool
set_range(struct blk *b, struct blk_req *r, uint64_t sector, uint64_t len)
{
	uint64_t size = b->capacity;

	r->io.off = sector << 9;
	r->io.len = len;
	return sector <= size >> 9 && len <= size - r->io.off && ((r->io.off | len) & (b->disk->block_size - 1)) == 0;
}

/* The functions below return the status to answer with at once, or -1 when the disk has the request. */

static int
read_write(struct blk *b, struct blk_req *r, const struct vq_chain *c, uint64_t sector, bool write)
{
	size_t out = c->out_len - sizeof(struct header);

	/* Data that points the wrong way. */
	if (write ? c->in_len : out)
		return STATUS_IOERR;
	if (!set_range(b, r, sector, write ? out : c->in_len) || (write && b->disk->read_only))
		return STATUS_IOERR;
	if (!r->io.len)
		return STATUS_OK;
	r->io.iov = c->iov + (write ? 0 : c->nout);
	r->io.niov = write ? c->nout : c->nin;
	if (write)
		iov_skip(&r->io.iov, &r->io.niov, sizeof(struct header));
	to_disk(b, r, write ? DISK_WRITE : DISK_READ, 0);
	return -1;
}

/* virtio 1.2, 5.2.6.2: flags that are unknown, or not for this type, are UNSUPP. */
static int
discard_zero(struct blk *b, struct blk_req *r, const struct vq_chain *c, bool zero)
{
	struct range seg;
	uint32_t known = zero ? RANGE_UNMAP : 0, flags;

	if (b->disk->read_only || c->out_len != sizeof(struct header) + sizeof(seg))
		return STATUS_IOERR;
	iov_read(c->iov, c->nout, sizeof(struct header), &seg, sizeof(seg));
	flags = seg.flags;
	if (flags & ~known)
		return STATUS_UNSUPP;
	if (seg.sectors > BLK_RANGE_SECTORS || !set_range(b, r, seg.sector, (uint64_t)seg.sectors << 9))
		return STATUS_IOERR;
	if (!r->io.len)
		return STATUS_OK;
	to_disk(b, r, zero ? DISK_ZERO : DISK_DISCARD, flags ? DISK_UNMAP : 0);
	return -1;
}

static int
get_id(struct blk *b, const struct vq_chain *c)
{
	iov_write(c->iov + c->nout, c->nin, 0, b->serial, sizeof(b->serial));
	return STATUS_OK;
}

static int
dispatch(struct blk *b, struct blk_req *r, const struct vq_chain *c)
{
	struct header h;

	if (iov_read(c->iov, c->nout, 0, &h, sizeof(h)) < sizeof(h))
		return STATUS_IOERR;
	switch (h.type) {
	case TYPE_IN:
		return read_write(b, r, c, h.sector, false);
	case TYPE_OUT:
		return read_write(b, r, c, h.sector, true);
	case TYPE_FLUSH:
		r->io.off = r->io.len = 0;
		to_disk(b, r, DISK_FLUSH, 0);
		return -1;
	case TYPE_GET_ID:
		return get_id(b, c);
	case TYPE_DISCARD:
		return discard_zero(b, r, c, false);
	case TYPE_WRITE_ZEROES:
		return discard_zero(b, r, c, true);
	default:
		return STATUS_UNSUPP;
	}
}

/* Takes the status byte, the last that the device may write, off the chain; false when there is none. */
static bool
take_status(struct blk_req *r, struct vq_chain *c)
{
	struct iovec *last;

	while (c->nin && !c->iov[c->nout + c->nin - 1].iov_len)
		c->nin--;
	if (!c->nin)
		return false;
	last = &c->iov[c->nout + c->nin - 1];
	r->status = (uint8_t *)last->iov_base + --last->iov_len;
	r->in_len = (uint32_t)c->in_len--;
	if (!last->iov_len)
		c->nin--;
	return true;
}

static bool
request(struct blk *b, unsigned q, struct blk_req *r, struct vq_chain *c)
{
	int status;

	r->blk = b;
	r->queue = (uint16_t)q;
	r->head = c->head;
	if (!take_status(r, c))
		return false;
	status = dispatch(b, r, c);
	if (status >= 0)
		answer(b, r, (uint8_t)status);
	return true;
}

/* Takes what the queue holds, as far as there are request slots; what stays is remembered as starved. */
static void
take(struct blk *b, unsigned q)
{
	struct virtq *vq = &b->dev.queues[q].vq;
	unsigned budget = REQUESTS_A_KICK;
	struct vq_chain c;
	int got;

	do {
		vq_no_kicks(vq);
		for (;;) {
			struct blk_req *r = budget ? get_req(b) : NULL;

			if (!r) {
				b->starved |= 1U << q;
				return;
			}
			budget--;
			got = vq_pop(vq, &c, r->iov, BLK_QUEUE_SIZE);
			if (got == 1 && request(b, q, r, &c))
				continue;
			put_req(b, r);
			break;
		}
		if (got == 1)
			vq->broken = "request without a status byte";
		if (vq->broken) {
			virtio_broken(&b->dev, vq->broken);
			return;
		}
	} while (vq_want_kicks(vq));
}

/* After requests were answered: interrupts, and another look at queues that were left waiting for slots. */
static void
settle(struct blk *b)
{
	for (unsigned q = 0; b->fire; q++) {
		if (b->fire & (1U << q))
			virtio_interrupt(&b->dev, q);
		b->fire &= ~(1U << q);
	}
	if (!b->free && b->fresh == BLK_INFLIGHT)
		return;
	for (unsigned q = 0; b->starved; q++) {
		if (b->starved & (1U << q))
			virtio_kick_again(&b->dev, q);
		b->starved &= ~(1U << q);
	}
}

void
blk_kick(struct virtio_dev *d, unsigned q)
{
	struct blk *b = blk_of(d);

	take(b, q);
	disk_commit(b->disk);
	settle(b);
}

void
blk_reaped(struct disk *disk)
{
	settle(disk->user);
}

void
blk_stats(struct virtio_dev *d, struct stats_sink *s)
{
	stats_disk(s, blk_of(d)->disk);
}

bool
blk_start(struct virtio_dev *d)
{
	struct blk *b = blk_of(d);
	int err = disk_attach(b->disk, &b->io.loop);

	if (err)
		error("%s: %s", d->id, strerror(-err));
	return !err;
}

void
blk_stop(struct virtio_dev *d)
{
	struct blk *b = blk_of(d);

	disk_drain(b->disk);
	disk_detach(b->disk);
	b->fire = b->starved = 0;
}

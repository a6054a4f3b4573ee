/* SPDX-License-Identifier: ISC */
/*
 * The block device's requests: virtio 1.2, 5.2.6. A chain is a 16-byte header, the data, and one byte of status, cut into
 * descriptors as the driver likes. All that one kick brings goes to the disk together, and all that the disk finishes
 * together goes back with one interrupt.
 */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <string.h>
#include <sys/eventfd.h>

#include "common/diag.h"
#include "kvm-run/virtio_blk_dev.h"

/* Of one kick, so that a driver that never stops adding cannot keep the thread from hearing anything else. */
#define REQUESTS_A_KICK BLK_INFLIGHT

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
	vq_push(&b->dev.queues[r->queue].vq, r->head, status == VIRTIO_BLK_S_OK ? r->in_len : 1);
	b->fire |= 1U << r->queue;
	put_req(b, r);
}

/* The host's errors are the guest's I/O errors, and its owner's to know: each kind once. */
static void
complain(struct blk *b, const struct disk_req *io, int err)
{
	uint64_t bit = 1ULL << (err & 63);

	if (!(b->warned & bit))
		warn("%s: %s at byte %llu: %s", b->dev.id,
		    io->op == DISK_READ ? "read" : io->op == DISK_FLUSH ? "flush" : "write",
		    (unsigned long long)io->off, strerror(err));
	b->warned |= bit;
}

static void
disk_done(struct disk_req *io, int err)
{
	struct blk_req *r = (struct blk_req *)io;

	if (err)
		complain(r->blk, io, err);
	answer(r->blk, r, err ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK);
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
	size_t out = c->out_len - sizeof(struct virtio_blk_outhdr);

	/* Data that points the wrong way. */
	if (write ? c->in_len : out)
		return VIRTIO_BLK_S_IOERR;
	if (!set_range(b, r, sector, write ? out : c->in_len) || (write && b->disk->read_only))
		return VIRTIO_BLK_S_IOERR;
	if (!r->io.len)
		return VIRTIO_BLK_S_OK;
	r->io.iov = c->iov + (write ? 0 : c->nout);
	r->io.niov = write ? c->nout : c->nin;
	if (write)
		iov_skip(&r->io.iov, &r->io.niov, sizeof(struct virtio_blk_outhdr));
	to_disk(b, r, write ? DISK_WRITE : DISK_READ, 0);
	return -1;
}

/* virtio 1.2, 5.2.6.2: flags that are unknown, or not for this type, are UNSUPP. */
static int
discard_zero(struct blk *b, struct blk_req *r, const struct vq_chain *c, bool zero)
{
	struct virtio_blk_discard_write_zeroes seg;
	uint32_t known = zero ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0, flags;

	if (b->disk->read_only || c->out_len != sizeof(struct virtio_blk_outhdr) + sizeof(seg))
		return VIRTIO_BLK_S_IOERR;
	iov_read(c->iov, c->nout, sizeof(struct virtio_blk_outhdr), &seg, sizeof(seg));
	flags = seg.flags;
	if (flags & ~known)
		return VIRTIO_BLK_S_UNSUPP;
	if (seg.num_sectors > BLK_RANGE_SECTORS || !set_range(b, r, seg.sector, (uint64_t)seg.num_sectors << 9))
		return VIRTIO_BLK_S_IOERR;
	if (!r->io.len)
		return VIRTIO_BLK_S_OK;
	to_disk(b, r, zero ? DISK_ZERO : DISK_DISCARD, flags ? DISK_UNMAP : 0);
	return -1;
}

static int
get_id(struct blk *b, const struct vq_chain *c)
{
	iov_write(c->iov + c->nout, c->nin, 0, b->serial, sizeof(b->serial));
	return VIRTIO_BLK_S_OK;
}

static int
dispatch(struct blk *b, struct blk_req *r, const struct vq_chain *c)
{
	struct virtio_blk_outhdr h;

	if (iov_read(c->iov, c->nout, 0, &h, sizeof(h)) < sizeof(h))
		return VIRTIO_BLK_S_IOERR;
	switch (h.type) {
	case VIRTIO_BLK_T_IN:
		return read_write(b, r, c, h.sector, false);
	case VIRTIO_BLK_T_OUT:
		return read_write(b, r, c, h.sector, true);
	case VIRTIO_BLK_T_FLUSH:
		r->io.off = r->io.len = 0;
		to_disk(b, r, DISK_FLUSH, 0);
		return -1;
	case VIRTIO_BLK_T_GET_ID:
		return get_id(b, c);
	case VIRTIO_BLK_T_DISCARD:
		return discard_zero(b, r, c, false);
	case VIRTIO_BLK_T_WRITE_ZEROES:
		return discard_zero(b, r, c, true);
	default:
		return VIRTIO_BLK_S_UNSUPP;
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
		if (got) {
			virtio_broken(&b->dev, got < 0 ? vq->broken : "a block request without a status byte");
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
			eventfd_write(b->dev.queues[q].kick_fd, 1);
		b->starved &= ~(1U << q);
	}
}

void
blk_kick(struct virtio_dev *d, unsigned q)
{
	struct blk *b = (struct blk *)d;

	take(b, q);
	disk_commit(b->disk);
	settle(b);
}

void
blk_reaped(struct disk *disk)
{
	settle(disk->user);
}

bool
blk_start(struct virtio_dev *d)
{
	struct blk *b = (struct blk *)d;
	int err = disk_attach(b->disk, &b->io.loop);

	if (err)
		error("%s: %s", d->id, strerror(-err));
	return !err;
}

void
blk_stop(struct virtio_dev *d)
{
	struct blk *b = (struct blk *)d;

	disk_drain(b->disk);
	disk_detach(b->disk);
	b->fire = b->starved = 0;
}

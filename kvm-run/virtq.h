/* SPDX-License-Identifier: ISC */
/*
 * The virtqueue walker: the one place where split rings in guest memory are read and written (virtio 1.2, 2.7). Every
 * index and descriptor is copied out once and then checked, so a guest that changes them meanwhile gains nothing. A ring
 * that breaks the rules is marked broken and stays so until reset. One thread at a time per queue.
 */
#ifndef KVM_RUN_VIRTQ_H
#define KVM_RUN_VIRTQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/iov.h"
#include "kvm-run/mem.h"

#define VIRTQ_SIZE_MAX 1024

/* Since the device was made; of chains that were taken, and given back. */
struct virtq_counts {
	uint64_t chains, out_bytes, in_bytes;
};

struct virtq {
	const struct guest_mem *mem;
	uint16_t size;	   /* a power of two, at most VIRTQ_SIZE_MAX */
	uint64_t desc_gpa, avail_gpa, used_gpa;
	bool event_idx;	   /* VIRTIO_F_EVENT_IDX negotiated */
	uint16_t next_avail; /* of the next chain to take */
	uint16_t next_used;  /* of the next used element to write */
	uint16_t signalled;  /* next_used at the last notification sent */
	bool signalled_valid;
	const char *broken; /* why, or NULL */
	struct virtq_counts counts;
	/* host addresses, valid while running */
	void *desc, *avail, *used;
};

/* A chain of buffers taken from the ring. The caller owns it until vq_push, or for good after a reset. */
struct vq_chain {
	uint16_t head;
	struct iovec *iov; /* the caller's array: first nout for the device to read, then nin for it to write */
	unsigned nout, nin;
	size_t out_len, in_len; /* sums; neither overflows */
};

/* Checks size, alignment and that the three rings lie in RAM; starts at index 0. False leaves q->broken set. */
bool vq_start(struct virtq *q, const struct guest_mem *mem);

/*
 * Takes the next chain into c, whose iov has room for max entries (use q->size: no legal chain is longer). 1 taken,
 * 0 none there, -1 the ring is broken (q->broken says why).
 */
int vq_pop(struct virtq *q, struct vq_chain *c, struct iovec *iov, unsigned max);

/* As if the last popped chain had not been taken. For a device that found that it has no room or no data. */
void vq_unpop(struct virtq *q);

/* Gives the chain back with `written` bytes written into its in part, at most in_len. Does not notify. */
void vq_push(struct virtq *q, uint16_t head, uint32_t written);

/* The same in two steps, so that several chains appear at once (mergeable receive buffers): fill n slots, then publish. */
void vq_fill(struct virtq *q, uint16_t head, uint32_t written, unsigned ahead);
void vq_publish(struct virtq *q, unsigned n);

/* After pushing: does the driver want an interrupt? Remembers that it was sent. */
bool vq_need_interrupt(struct virtq *q);

/* Ask the driver for kicks, or not. vq_want_kicks returns true when chains arrived meanwhile: pop again instead of waiting. */
bool vq_want_kicks(struct virtq *q);
void vq_no_kicks(struct virtq *q);

#endif

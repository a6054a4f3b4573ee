/* links: kvm-run/virtio_lap.c kvm-run/virtq.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* Laps over a queue: no more requests than asked for, one interrupt for them, and another kick for the rest. */
#include <sys/eventfd.h>

#include "kvm-run/virtio.h"
#include "tests/unit/ring.h"
#include "tests/unit/tap.h"
#include "tests/unit/virtio_stub.h"

static struct ring ring;
static struct virtio_dev dev;
static unsigned served;
static const char *refusal;

static const char *
serve(struct virtio_dev *d, unsigned q, const struct vq_chain *c)
{
	served++;
	vq_push(&d->queues[q].vq, c->head, 0);
	return refusal;
}

/* A lap over so many requests as are offered now; whether another kick came of it. */
static bool
lap(unsigned offered, unsigned most)
{
	eventfd_t n = 0;

	for (unsigned i = 0; i < offered; i++) {
		ring_desc(&ring, RING_DESC, i, RING_DATA, 16, 0, 0);
		ring_offer(&ring, (uint16_t)i);
	}
	stub_interrupts = served = 0;
	stub_broken = NULL;
	virtio_lap(&dev, 0, most, serve);
	return eventfd_read(dev.queues[0].kick_fd, &n) == 0;
}

int
main(void)
{
	if (!ring_start(&ring, 8, false))
		return 1;
	dev.nqueues = 1;
	dev.queues[0].vq = ring.q;
	dev.queues[0].size_max = 8;
	dev.queues[0].kick_fd = eventfd(0, EFD_NONBLOCK);
	ok(!lap(0, 4) && !served && !stub_interrupts, "nothing there: no interrupt, no other kick");
	ok(!lap(2, 4) && served == 2 && stub_interrupts == 1, "all of them: one interrupt");
	ok(lap(3, 2) && served == 2 && stub_interrupts == 1, "a lap's worth, and another kick for the rest");
	ok(!lap(0, 2) && served == 1, "which has it");
	refusal = "nonsense";
	ok(!lap(2, 4) && served == 1 && !stub_interrupts && stub_broken == refusal, "a request against the rules ends it");
	refusal = NULL;
	ring_set16(&ring, RING_AVAIL + 2, 100);
	ok(!lap(0, 4) && !stub_interrupts && stub_broken == dev.queues[0].vq.broken && stub_broken, "and so does a broken ring");
	return tap_done();
}

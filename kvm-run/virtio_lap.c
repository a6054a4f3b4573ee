/* SPDX-License-Identifier: ISC */
/* One lap over a queue's requests; the contract is in virtio.h. */
#include "kvm-run/virtio.h"

unsigned
virtio_lap(struct virtio_dev *d, unsigned q, unsigned most, virtio_serve *serve)
{
	struct virtq *vq = &d->queues[q].vq;
	struct iovec iov[VIRTIO_LAP_BUFFERS];
	const char *why = NULL;
	struct vq_chain c;
	unsigned n = 0;

	vq_no_kicks(vq);
	while (n < most && !why && vq_pop(vq, &c, iov, d->queues[q].size_max) > 0) {
		why = serve(d, q, &c);
		n++;
	}
	if (!why)
		why = vq->broken;
	if (why) {
		virtio_broken(d, why);
		return n;
	}
	if (n)
		virtio_interrupt(d, q);
	if (vq_want_kicks(vq))
		virtio_kick_again(d, q);
	return n;
}

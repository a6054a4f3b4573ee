/* SPDX-License-Identifier: ISC */
/* Chains taken off a ring and not yet given back; the contracts are in net_hold.h. */
#include <string.h>

#include "kvm-run/net_hold.h"

/* Moves what is held to the start of the arrays. Cheap: it happens once in many chains, and few are held. */
static void
compact(struct net_hold *h)
{
	memmove(h->chain, h->chain + h->first, h->n * sizeof(h->chain[0]));
	memmove(h->iov, h->iov + h->iov_first, h->iov_n * sizeof(h->iov[0]));
	h->first = h->iov_first = 0;
}

/* Makes room for the longest chain that the ring can hold. */
static bool
make_room(struct net_hold *h, unsigned iovs)
{
	if (h->first + h->n == NET_RING || h->iov_first + h->iov_n + iovs > NET_HOLD_IOV)
		compact(h);
	return h->n < NET_RING && h->iov_n + iovs <= NET_HOLD_IOV;
}

int
net_hold_pop(struct net_hold *h, struct virtq *vq, bool writable, size_t skip)
{
	struct iovec *dst, *from;
	struct vq_chain c;
	unsigned n;
	size_t len;
	int got;

	if (!make_room(h, vq->size))
		return 0;
	from = dst = h->iov + h->iov_first + h->iov_n;
	got = vq_pop(vq, &c, dst, vq->size);
	if (got <= 0)
		return got;
	n = writable ? c.nin : c.nout;
	len = writable ? c.in_len : c.out_len;
	if (writable)
		from += c.nout;
	iov_skip(&from, &n, skip);
	if (from != dst)
		memmove(dst, from, n * sizeof(*dst));
	len -= skip < len ? skip : len;
	h->chain[h->first + h->n++] = (struct net_chain){c.head, n, len};
	h->iov_n += n;
	h->bytes += len;
	return 1;
}

void
net_hold_put(struct net_hold *h, void *bytes, size_t len)
{
	h->chain[h->first + h->n++] = (struct net_chain){.niov = 1, .len = len};
	h->iov[h->iov_first + h->iov_n++] = (struct iovec){bytes, len};
	h->bytes += len;
}

struct net_chain *
net_hold_chain(struct net_hold *h, unsigned i)
{
	return &h->chain[h->first + i];
}

void
net_hold_drop(struct net_hold *h, unsigned n)
{
	for (; n; n--) {
		const struct net_chain *c = &h->chain[h->first++];

		h->n--;
		h->iov_first += c->niov;
		h->iov_n -= c->niov;
		h->bytes -= c->len;
	}
	if (!h->n)
		h->first = h->iov_first = 0;
}

void
net_hold_clear(struct net_hold *h)
{
	h->first = h->n = h->iov_first = h->iov_n = 0;
	h->bytes = 0;
}

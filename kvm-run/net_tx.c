/* SPDX-License-Identifier: ISC */
/*
 * Frames of the driver to the wire; the contracts are in net.h. A wire that takes nothing more holds
 * the ring up, which slows the guest's senders as a full cable does. After NET_STUCK_MS without progress the peer counts
 * as stuck: then frames are lost instead, so that the guest's driver sees no hung queue.
 */
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/util.h"
#include "kvm-run/net.h"

#define TURN (4 * NET_BATCH) /* frames before the other queues of the thread have their turn */

void
net_tx_lost(struct net_pair *p, unsigned i)
{
	struct net_chain *c = net_hold_chain(&p->tx, i);

	p->tx.bytes -= c->len;
	c->len = 0;
}

/* Gives the first k frames back to the driver. */
static void
finish(struct net_pair *p, unsigned k)
{
	struct net_dev *n = p->dev;
	const struct iovec *iov = p->tx.iov + p->tx.iov_first;
	size_t head = n->vnet_hdr ? NET_HDR : 0;
	size_t bytes = 0;
	unsigned lost = 0;

	for (unsigned i = 0; i < k; i++) {
		const struct net_chain *c = net_hold_chain(&p->tx, i);

		if (!c->len)
			lost++;
		else
			bytes += c->len - head;
		if (c->len && n->captures)
			net_capture_frame(n->captures, iov, c->niov, head, c->len - head);
		iov += c->niov;
	}
	if (n->front->tx_finish)
		n->front->tx_finish(p, k);
	net_hold_drop(&p->tx, k);
	net_count(&n->count.tx_frames, k - lost);
	net_count(&n->count.tx_bytes, bytes);
	net_count(&n->count.tx_drops, lost);
}

/* Sends or loses what is held; returns how many frames are done with. */
static unsigned
send_held(struct net_pair *p)
{
	unsigned held = p->tx.n;

	if (p->dev->up && !p->dev->stuck)
		return p->dev->ops->send(p, held);
	for (unsigned i = 0; i < held; i++)
		net_tx_lost(p, i);
	return held;
}

static void
set_timer(struct net_dev *n, long ms)
{
	struct itimerspec t = {.it_value = {ms / 1000, ms % 1000 * 1000000}};

	timerfd_settime(n->stuck_timer.fd, 0, &t, NULL);
}

static void
block(struct net_pair *p)
{
	p->tx_blocked = true;
	set_timer(p->dev, NET_STUCK_MS);
	net_watch(p);
}

void
net_tx(struct net_pair *p)
{
	struct net_dev *n = p->dev;
	const struct net_front *front = n->front;
	unsigned done = 0, answered = 0;

	if (p->tx_blocked && n->up && !n->stuck)
		return;
	if (front->tx_busy)
		front->tx_busy(p);
	while (done < TURN) {
		unsigned held, sent;

		if (!front->tx_fetch(p))
			return;
		held = p->tx.n;
		if (!held) {
			if (n->ops->prompt && n->up && answered < done) {
				answered = done;
				n->ops->recv(p);
				continue;
			}
			if (front->tx_idle && front->tx_idle(p))
				continue;
			break;
		}
		sent = send_held(p);
		finish(p, sent);
		done += sent;
		if (sent < held || p->tx_rest) {
			block(p);
			break;
		}
	}
	if (done >= TURN)
		front->tx_again(p);
	if (done && front->tx_end)
		front->tx_end(p);
}

void
net_tx_writable(struct net_pair *p)
{
	p->tx_blocked = false;
	p->dev->stuck = false;
	set_timer(p->dev, 0);
	if (p->tx_rest)
		p->dev->ops->send(p, 0);
	if (p->tx_rest) {
		block(p);
	} else {
		net_watch(p);
		net_tx(p);
	}
}

void
net_tx_stuck(struct watch *w, uint32_t events)
{
	struct net_dev *n = container_of(w, struct net_dev, stuck_timer);
	uint64_t ticks;

	(void)events;
	if (read(w->fd, &ticks, sizeof(ticks)) < 0)
		return; /* disarmed meanwhile */
	for (unsigned i = 0; i < n->npairs; i++) {
		if (!n->pairs[i].active || !n->pairs[i].tx_blocked)
			continue;
		n->stuck = true;
		net_tx(&n->pairs[i]);
	}
}

/* SPDX-License-Identifier: ISC */
/* Statistics of vCPUs and devices; the contracts are in stats.h. */
#include <stdio.h>

#include "kvm-run/net.h"
#include "kvm-run/serial.h"
#include "kvm-run/stats.h"
#include "kvm-run/stats_kvm.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/virtio_net.h"
#include "kvm-run/vm.h"

static void
vcpu(struct stats_sink *s, const struct vcpu *v)
{
	static const char *const names[VCPU_EXITS] = {
	    [VCPU_EXIT_IO] = "io", [VCPU_EXIT_MMIO] = "mmio", [VCPU_EXIT_SIGNAL] = "signal", [VCPU_EXIT_OTHER] = "other"};
	char id[16];

	snprintf(id, sizeof(id), "vcpu%u", v->index);
	s->owner(s, id);
	for (size_t i = 0; i < VCPU_EXITS; i++)
		s->number(s, names[i], stats_read(&v->exits[i]));
	stats_kvm(s, v->stats_fd);
}

/* Of every virtio device: chains of buffers, and what was in them. */
static void
virtio(struct stats_sink *s, struct virtio_dev *d)
{
	struct virtq_counts sum = {0};

	for (unsigned q = 0; q < d->nqueues; q++) {
		const struct virtq_counts *c = &d->queues[q].vq.counts;

		sum.chains += stats_read(&c->chains);
		sum.out_bytes += stats_read(&c->out_bytes);
		sum.in_bytes += stats_read(&c->in_bytes);
	}
	s->number(s, "requests", sum.chains);
	s->number(s, "bytes-from-guest", sum.out_bytes);
	s->number(s, "bytes-to-guest", sum.in_bytes);
	if (d->ops->stats)
		d->ops->stats(d, s);
}

static void
net(struct stats_sink *s, const struct net_dev *n)
{
	struct net_stats t;

	net_get_stats(n, &t);
	s->number(s, "rx-frames", t.rx_frames);
	s->number(s, "rx-bytes", t.rx_bytes);
	s->number(s, "rx-drops", t.rx_drops);
	s->number(s, "tx-frames", t.tx_frames);
	s->number(s, "tx-bytes", t.tx_bytes);
	s->number(s, "tx-drops", t.tx_drops);
}

static void
device(struct stats_sink *s, const struct vm_device *d)
{
	s->owner(s, d->id);
	if (d->virtio)
		virtio(s, d->virtio);
	else if (d->ops->stats)
		d->ops->stats(d->dev, s);
	if (d->net)
		net(s, d->net);
}

static void
serial(struct stats_sink *s, const struct vm *vm)
{
	s->owner(s, "COM1");
	s->number(s, "bytes-from-guest", stats_read(&vm->serial->sent));
	s->number(s, "bytes-to-guest", stats_read(&vm->serial->received));
}

void
stats_collect(const struct vm *vm, struct stats_sink *s)
{
	for (const struct vcpu *v = NULL; (v = vcpu_next(vm, v));)
		vcpu(s, v);
	serial(s, vm);
	for (const struct vm_device *d = vm->devices; d < vm->devices + vm->ndevices; d++)
		device(s, d);
}

/* SPDX-License-Identifier: ISC */
/*
 * The network device between a hostile driver and a hostile peer. The input is a program: write guest memory, offer a
 * chain, kick, let the peer send or read, pull the cable, reset. All on one thread, so that a crash repeats.
 */
/* links: kvm-run/virtio_net.c kvm-run/virtio_net_new.c kvm-run/net_hold.c kvm-run/net_virtq_rx.c kvm-run/net_virtq_tx.c kvm-run/net_tx.c kvm-run/net_ctrl.c kvm-run/net_pcap.c kvm-run/net_tap.c kvm-run/net_vhost.c kvm-run/vhost.c kvm-run/net_stream.c kvm-run/net_packet.c kvm-run/virtq.c */
#include "common/diag.h"
#include "tests/fuzz/input.h"
#include "tests/unit/netstub.h"
#include "tests/unit/thread_stub.h"

#define MEM_SIZE 0x4000
#define RING 16
#define RING_AREA 0x400 /* of queue i, at i * RING_AREA: descriptors, available and used ring */

static int peer;

const char *
mem_init(struct guest_mem *m, uint64_t size, uint64_t hot, int fd)
{
	m->base = calloc(1, size); /* exactly as large, for the sanitizer */
	m->size = m->low_size = size;
	m->fd = fd;
	(void)hot;
	return NULL;
}

void *
guest_ptr(const struct guest_mem *m, uint64_t gpa, uint64_t len)
{
	return gpa <= m->size && len <= m->size - gpa ? m->base + gpa : NULL;
}

/* --- */

static const uint8_t *
bytes(struct input *in, size_t want, size_t *len)
{
	const uint8_t *p = in->p;

	*len = want < in->left ? want : in->left;
	in->p += *len;
	in->left -= *len;
	return p;
}

static void
stop(void)
{
	if (rig.dev->running)
		rig.dev->ops->stop(rig.dev);
	rig.dev->running = false;
}

static void
start(struct input *in)
{
	struct virtio_dev *d = rig.dev;

	stop();
	rig.broken = NULL;
	d->features = d->offered & (input_word(in) | (uint64_t)input_word(in) << 16);
	for (unsigned i = 0; i < d->nqueues; i++) {
		struct virtio_queue *q = &d->queues[i];

		q->enabled = true;
		q->vq = (struct virtq){.size = RING, .desc_gpa = i * RING_AREA};
		q->vq.avail_gpa = q->vq.desc_gpa + 0x100;
		q->vq.used_gpa = q->vq.desc_gpa + 0x180;
		q->vq.event_idx = input_byte(in) & 1;
		vq_start(&q->vq, &rig.vm.mem);
	}
	d->running = d->ops->start(d);
	for (unsigned i = 0; i < d->nqueues && d->running; i++)
		d->ops->kick(d, i);
}

/* Writes descriptor `at` of a ring and perhaps makes it available: what a fuzzer would hardly find by itself. */
static void
offer(struct input *in)
{
	unsigned q = input_byte(in) % 3, at = input_byte(in) % RING;
	uint8_t *area = rig.vm.mem.base + q * RING_AREA;
	struct {
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
	} d = {input_word(in), input_word(in), input_byte(in), input_byte(in)};
	uint16_t *avail = (uint16_t *)(void *)(area + 0x100);

	memcpy(area + at * sizeof(d), &d, sizeof(d));
	if (input_byte(in) & 1)
		avail[2 + avail[1]++ % RING] = (uint16_t)at;
}

static void
scribble(struct input *in)
{
	size_t at = input_word(in) % MEM_SIZE, len;
	const uint8_t *p = bytes(in, input_byte(in), &len);

	if (len > MEM_SIZE - at)
		len = MEM_SIZE - at;
	memcpy(rig.vm.mem.base + at, p, len);
}

static void
peer_sends(struct input *in)
{
	size_t len;
	const uint8_t *p = bytes(in, input_word(in) % 2048, &len);

	if (send(peer, p, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
		/* full, or closed */
	}
}

static void
peer_reads(void)
{
	uint8_t buf[4096];

	if (recv(peer, buf, sizeof(buf), MSG_DONTWAIT) < 0) {
		/* empty */
	}
}

static void
step(struct input *in)
{
	switch (input_byte(in) % 10) {
	case 0:
		start(in);
		break;
	case 1:
	case 2:
		offer(in);
		break;
	case 3:
		scribble(in);
		break;
	case 4: {
		unsigned q = input_byte(in) % 3;

		/* The transport does not pass on the kicks of a broken device. */
		if (rig.dev->running && !rig.broken)
			rig.dev->ops->kick(rig.dev, q);
		break;
	}
	case 5:
		peer_sends(in);
		break;
	case 6:
		peer_reads();
		break;
	case 7:
		net_set_link(rig.net, input_byte(in) & 1);
		break;
	case 8:
		shutdown(peer, input_byte(in) & 1 ? SHUT_WR : SHUT_RD);
		break;
	case 9:
		stop();
		break;
	}
	loop_once(&rig.net->io.loop, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	int fds[2], sndbuf = 4096, type = SOCK_STREAM;
	char text[40], why[128];
	uint8_t kind;
	bool large;
	const char *bad;
	struct wire w;

	diag_verbose = -1;
	signal(SIGPIPE, SIG_IGN);
	rig_as = AS_STREAM;
	kind = input_byte(&in);
	large = kind & 2;
	if (kind & 1) {
		rig_as = AS_PACKET;
		type = input_byte(&in) & 1 ? SOCK_DGRAM : SOCK_SEQPACKET;
	}
	if (socketpair(AF_UNIX, type, 0, fds) < 0)
		abort();
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	peer = fds[1];
	mem_init(&rig.vm.mem, MEM_SIZE, 0, -1);
	snprintf(text, sizeof(text), "net,fd=%d,id=n%s", fds[0], large ? ",xgso=on" : "");
	if (!wire_parse(&w, text, strlen(text), &bad) || net_create(&rig.vm, &w, false, &rig.dev, why, sizeof(why)))
		abort();
	rig.net = container_of(rig.dev, struct net_dev, virtio);
	start(&in);
	while (in.left)
		step(&in);
	stop();
	rig.dev->ops->destroy(rig.dev);
	close(peer);
	free(rig.vm.mem.base);
	return 0;
}

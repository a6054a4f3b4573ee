/* links: kvm-run/virtio_console.c kvm-run/virtq.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* The virtio console, seen from its driver: output, input that waits for it, an emergency, rings that make no sense. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kvm-run/con.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_console.h"
#include "kvm-run/vm.h"
#include "tests/unit/ring.h"
#include "tests/unit/tap.h"
#include "tests/unit/thread_stub.h"

#define SIZE 64
#define INPUT_MAX 4096 /* what is kept of it for a guest that takes none */
#define EMERG_WR 8     /* virtio 1.2, 5.3.4 */

enum { RX, TX };

static struct vm vm;
static struct iothread io;
static struct ring rings[2];
static struct virtio_dev *dev;
static const struct con_front *front;
static void *front_dev;
static char output[256];
static size_t noutput;
static unsigned rooms, interrupts;
static const char *broken, *refused;

const char *
con_open(struct con **out, struct vm *v, const struct wire *w, const struct con_front *f, void *d, char *why, size_t size)
{
	(void)out, (void)v, (void)w, (void)why, (void)size;
	front = f;
	front_dev = d;
	return refused;
}

void
con_write(struct con *c, const void *data, size_t len)
{
	(void)c;
	if (len > sizeof(output) - noutput)
		abort();
	memcpy(output + noutput, data, len);
	noutput += len;
}

void
con_room(struct con *c)
{
	(void)c;
	rooms++;
}

void
con_close(struct con *c)
{
	(void)c;
}

int
virtio_plug(struct virtio_dev *d, struct vm *v, bool hot)
{
	(void)hot;
	d->vm = v;
	for (unsigned q = 0; q < 2; q++)
		d->queues[q].kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return 0;
}

void
virtio_interrupt(struct virtio_dev *d, unsigned q)
{
	(void)d, (void)q;
	interrupts++;
}

void
virtio_broken(struct virtio_dev *d, const char *why)
{
	(void)d;
	broken = why;
}

void
virtio_config_set(struct virtio_dev *d, unsigned off, const void *data, unsigned len)
{
	memcpy(&d->config[off], data, len);
}

/* How often a kick of the queue was asked for since the last look. */
static unsigned
again(unsigned q)
{
	eventfd_t n;

	return eventfd_read(dev->queues[q].kick_fd, &n) < 0 ? 0 : (unsigned)n;
}

static void
start(void)
{
	for (unsigned q = 0; q < 2; q++) {
		if (!ring_start(&rings[q], SIZE, true))
			abort();
		dev->queues[q].vq = rings[q].q;
		dev->queues[q].enabled = true;
	}
	broken = NULL;
	noutput = interrupts = rooms = 0;
	again(RX);
	ok(dev->ops->start(dev), "a driver starts");
}

/* A chain of one or two buffers, the Nth of the ring. */
static void
offer(unsigned q, unsigned n, uint32_t len, uint32_t more, uint16_t flags)
{
	struct ring *r = &rings[q];
	uint64_t at = RING_DATA + 0x1000UL * n;

	ring_desc(r, RING_DESC, 2 * n, at, len, (uint16_t)(flags | (more ? NEXT : 0)), (uint16_t)(2 * n + 1));
	ring_desc(r, RING_DESC, 2 * n + 1, at + len, more, flags, 0);
	ring_offer(r, (uint16_t)(2 * n));
}

static void
kick(unsigned q)
{
	dev->ops->kick(dev, q);
}

/* How much of the Nth chain that came back was written; -1: it did not. */
static int
used(unsigned q, unsigned n)
{
	const struct ring *r = &rings[q];

	return n < ring_get16(r, RING_USED + 2) ? ring_get16(r, RING_USED + 4 + 8UL * n + 4) : -1;
}

static bool
is_output(const char *text)
{
	bool same = noutput == strlen(text) && !memcmp(output, text, noutput);

	noutput = 0;
	return same;
}

static void
test_config(void)
{
	memcpy(&dev->config[EMERG_WR], "!..", 4);
	dev->ops->config_written(dev, EMERG_WR, 4);
	ok(is_output("!"), "an emergency is a character");
	dev->ops->config_written(dev, EMERG_WR, 0);
	dev->ops->config_written(dev, 0, 4);
	dev->ops->config_written(dev, EMERG_WR + 1, 1);
	ok(is_output(""), "and nothing else is");
	front->resize(front_dev, 80, 0x10019);
	ok(!memcmp(dev->config, "\x50\0\x19\0\1\0\0\0", 8), "a size, and one port");
}

static void
test_output(void)
{
	start();
	memcpy(rings[TX].ram + RING_DATA, "hello", 5);
	memcpy(rings[TX].ram + RING_DATA + 0x1000, "world", 5);
	offer(TX, 0, 3, 2, 0);
	offer(TX, 1, 5, 0, 0);
	offer(TX, 2, 5, 0, WRITE);
	kick(TX);
	ok(is_output("helloworld"), "what lies in several buffers");
	ok(used(TX, 2) == 0 && used(TX, 3) < 0 && interrupts == 1, "all of them come back, unwritten, at once");
	ok(again(RX) == 1, "who writes can read");
	kick(TX);
	ok(interrupts == 1 && !again(RX) && is_output(""), "nothing, no interrupt");
}

static void
test_input(void)
{
	static uint8_t typed[INPUT_MAX + 100];

	for (size_t i = 0; i < sizeof(typed); i++)
		typed[i] = (uint8_t)(i * 7 % 251);
	start();
	ok(front->input(front_dev, typed, sizeof(typed)) == INPUT_MAX, "so much is kept");
	ok(!front->input(front_dev, typed, 1), "and no more");
	offer(RX, 0, 10, 0, WRITE);
	kick(RX);
	ok(used(RX, 0) < 0, "a driver that has just started gets nothing");
	again(RX);
	loop_once(&io.loop, -1);
	ok(again(RX) == 1, "until its time is over");
	kick(RX);
	ok(used(RX, 0) == 10 && !memcmp(rings[RX].ram + RING_DATA, typed, 10) && rooms == 1 && interrupts == 1, "a buffer full");
	ok(front->input(front_dev, typed, 100) == 10, "there is room again");
	offer(RX, 1, 2, 2, WRITE);
	offer(RX, 2, 8, 0, 0);
	offer(RX, 3, 0x1000, 0, WRITE);
	offer(RX, 4, 8, 8, WRITE);
	ring_desc(&rings[RX], RING_DESC, 8, RING_DATA + 0x4000, 8, NEXT, 9); /* its first one is not for writing after all */
	kick(RX);
	ok(used(RX, 1) == 4 && !memcmp(rings[RX].ram + RING_DATA + 0x1000, typed + 10, 4), "two buffers");
	ok(used(RX, 2) == 0, "one that is not for writing comes back as it was");
	ok(used(RX, 3) == INPUT_MAX - 4 && !memcmp(rings[RX].ram + RING_DATA + 0x3000, typed + 14, INPUT_MAX - 14), "the rest");
	ok(!memcmp(rings[RX].ram + RING_DATA + 0x3000 + INPUT_MAX - 14, typed, 10), "and what came later behind it");
	ok(used(RX, 4) < 0, "without input a buffer stays");
	again(RX);
	ok(front->input(front_dev, typed, 3) == 3 && again(RX) == 1, "until there is some");
	kick(RX);
	ok(used(RX, 4) == 3 && !rings[RX].ram[RING_DATA + 0x4001] && !memcmp(rings[RX].ram + RING_DATA + 0x4008, typed, 3),
	    "which it gets, where it may be written");
}

static void
test_broken(void)
{
	for (unsigned q = 0; q < 2; q++) {
		start();
		if (q == RX) { /* read for input only, by who has settled */
			kick(TX);
			front->input(front_dev, (const uint8_t *)"x", 1);
			offer(TX, 0, 1, 0, 0);
			kick(TX);
		}
		ring_set16(&rings[q], RING_AVAIL + 2, 1000);
		kick(q);
		ok(broken, "an index that runs ahead: %s", broken);
	}
	start();
	offer(TX, 0, UINT32_MAX, 0, 0);
	kick(TX);
	ok(broken && !noutput, "a buffer beyond the memory: %s", broken);
	dev->ops->stop(dev);
}

int
main(void)
{
	const struct wire w = {.id = "con1"};
	char why[64];

	vm.io = &io;
	if (iothread_start(&io, "io"))
		abort();
	refused = "no";
	ok(console_create(&vm, &w, false, &dev, why, sizeof(why)) == refused, "a console that cannot be opened");
	refused = NULL;
	if (console_create(&vm, &w, false, &dev, why, sizeof(why)))
		abort();
	test_config();
	test_output();
	dev->ops->stop(dev);
	test_input();
	dev->ops->stop(dev);
	test_broken();
	for (unsigned q = 0; q < 2; q++)
		close(dev->queues[q].kick_fd);
	dev->ops->destroy(dev);
	iothread_stop(&io);
	return tap_done();
}

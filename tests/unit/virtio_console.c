/* links: kvm-run/virtio_console.c kvm-run/virtq.c kvm-run/mem.c */
/* SPDX-License-Identifier: ISC */
/* The virtio console, seen from its driver: output, input that waits for it, an emergency, rings that make no sense. */
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kvm-run/virtio_console.h"
#include "kvm-run/vm.h"
#include "tests/unit/con_stub.h"
#include "tests/unit/ring.h"
#include "tests/unit/tap.h"
#include "tests/unit/thread_stub.h"
#include "tests/unit/virtio_stub.h"

#define SIZE 64
#define INPUT_MAX 4096 /* what is kept of it for a guest that takes none */
#define EMERG_WR 8     /* virtio 1.2, 5.3.4 */

enum { RX, TX };

static struct vm vm;
static struct iothread io;
static struct ring rings[2];
static struct virtio_dev *dev;

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
	stub_broken = NULL;
	stub_noutput = stub_interrupts = stub_rooms = 0;
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

static void
test_config(void)
{
	memcpy(&dev->config[EMERG_WR], "!..", 4);
	dev->ops->config_written(dev, EMERG_WR, 4);
	ok(stub_wrote("!"), "an emergency is a character");
	dev->ops->config_written(dev, EMERG_WR, 0);
	dev->ops->config_written(dev, 0, 4);
	dev->ops->config_written(dev, EMERG_WR + 1, 1);
	ok(stub_wrote(""), "and nothing else is");
	stub_front->resize(stub_front_dev, 80, 0x10019);
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
	ok(stub_wrote("helloworld"), "what lies in several buffers");
	ok(used(TX, 2) == 0 && used(TX, 3) < 0 && stub_interrupts == 1, "all of them come back, unwritten, at once");
	ok(again(RX) == 1, "who writes can read");
	kick(TX);
	ok(stub_interrupts == 1 && !again(RX) && stub_wrote(""), "nothing, no interrupt");
}

static void
test_input(void)
{
	static uint8_t typed[INPUT_MAX + 100];

	for (size_t i = 0; i < sizeof(typed); i++)
		typed[i] = (uint8_t)(i * 7 % 251);
	start();
	ok(stub_front->input(stub_front_dev, typed, sizeof(typed)) == INPUT_MAX, "so much is kept");
	ok(!stub_front->input(stub_front_dev, typed, 1), "and no more");
	offer(RX, 0, 10, 0, WRITE);
	kick(RX);
	ok(used(RX, 0) < 0, "a driver that has just started gets nothing");
	again(RX);
	loop_once(&io.loop, -1);
	ok(again(RX) == 1, "until its time is over");
	kick(RX);
	ok(used(RX, 0) == 10 && !memcmp(rings[RX].ram + RING_DATA, typed, 10) && stub_rooms == 1 && stub_interrupts == 1, "a buffer full");
	ok(stub_front->input(stub_front_dev, typed, 100) == 10, "there is room again");
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
	ok(stub_front->input(stub_front_dev, typed, 3) == 3 && again(RX) == 1, "until there is some");
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
			stub_front->input(stub_front_dev, (const uint8_t *)"x", 1);
			offer(TX, 0, 1, 0, 0);
			kick(TX);
		}
		ring_set16(&rings[q], RING_AVAIL + 2, 1000);
		kick(q);
		ok(stub_broken, "an index that runs ahead: %s", stub_broken);
	}
	start();
	offer(TX, 0, UINT32_MAX, 0, 0);
	kick(TX);
	ok(stub_broken && !stub_noutput, "a buffer beyond the memory: %s", stub_broken);
	dev->ops->stop(dev);
}

int
main(void)
{
	const struct wire w = {.id = "con1"};
	char why[64];

	vm.io = &io;
	stub_doorbells = true;
	if (iothread_start(&io, "io"))
		abort();
	stub_refused = "no";
	ok(console_create(&vm, &w, false, &dev, why, sizeof(why)) == stub_refused, "a console that cannot be opened");
	stub_refused = NULL;
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

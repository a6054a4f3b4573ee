/* SPDX-License-Identifier: ISC */
/* An e1000 without a machine, all on one thread: guest memory, a seqpacket peer, the registers. For test and fuzz target. */
#ifndef TESTS_UNIT_E1000_RIG_H
#define TESTS_UNIT_E1000_RIG_H

#include "common/bytes.h"
#include "kvm-run/e1000_dev.h"
#include "tests/unit/netstub.h"
#include "tests/unit/pci_stub.h"
#include "tests/unit/thread_stub.h"

#define RIG_MEM (256 << 10)

static struct e1000 *rig_card;
static struct vm_device rig_device;
static int rig_peer;
static bool rig_level;
static unsigned rig_rises;

void
pci_irq(struct pci_dev *d, bool level)
{
	(void)d;
	rig_rises += level && !rig_level;
	rig_level = level;
}

static uint32_t
rig_read(unsigned off)
{
	uint32_t v = 0xffffffff;

	rig_card->pci.ops->bar_access(&rig_card->pci, 0, off, &v, 4, false);
	return v;
}

/* What the I/O thread has to do. */
static void
rig_run(void)
{
	for (unsigned i = 0; i < 4; i++)
		loop_once(&rig_card->net->io.loop, 0);
}

static void
rig_write(unsigned off, uint32_t v)
{
	rig_card->pci.ops->bar_access(&rig_card->pci, 0, off, &v, 4, true);
	rig_run();
}

static void
rig_make(void)
{
	static struct wire w;
	char text[80], why[128];
	const char *bad;
	int fds[2];

	rig_as = AS_PACKET;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	rig_peer = fds[1];
	rig.vm.mem = (struct guest_mem){.base = calloc(1, RIG_MEM), .size = RIG_MEM, .low_size = RIG_MEM, .fd = -1};
	snprintf(text, sizeof(text), "net,fd=%d,id=n,mac=52:54:00:12:34:56,model=e1000", fds[0]);
	if (!wire_parse(&w, text, strlen(text), &bad) || e1000_create(&rig.vm, &w, false, &rig_device, why, sizeof(why)))
		abort();
	rig_card = rig_device.dev;
	rig.net = rig_device.net;
}

static void
rig_unmake(void)
{
	rig_device.ops->remove(rig_device.dev);
	close(rig_peer);
	free(rig.vm.mem.base);
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A whole machine in one thread, for the fuzz target guest: main()'s own steps build it, with a device of each kind; KVM and
 * processors are stand-ins. After a reset it must be what it was at first, register by register.
 */
#ifndef TESTS_FUZZ_MACHINE_H
#define TESTS_FUZZ_MACHINE_H

#include <liburing.h>
#include <stdio.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "common/fd.h"
#include "kvm-run/options.h"
#include "kvm-run/virtio_pci.h"
#include "kvm-run/vm_setup.h"
#include "kvm-run/wiring.h"
#include "tests/unit/kvm_stub.h"
#include "tests/unit/thread_stub.h"

#define RAM (16U << 20)
#define DISK (1 << 20)
#define INSERT "change blk2 blk,fd=0,media=cdrom"
#define TURNS 3 /* of all threads after a step */

static struct vm vm;
enum { NET, E1000, SERIAL, CONSOLE, DEBUG, CTL, SCREEN, GPU, PEERS };
static int peers[PEERS];
static int disks[2];
static bool ejected; /* the CD, last */

/* No io_uring: disks then make their calls at once, so that a crash repeats. */
int
io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *p)
{
	(void)entries, (void)ring, (void)p;
	return -ENOSYS;
}

static void
run(void)
{
	for (unsigned i = 0; i < TURNS; i++) {
		stub_threads_run();
		loop_once(&vm.loop, 0);
	}
}

/* --- the machine --- */

static int
peer(unsigned which, int type)
{
	int fds[2];

	if (socketpair(AF_UNIX, type, 0, fds) < 0 || !fd_set_nonblock(fds[1], true))
		abort();
	peers[which] = fds[1];
	return fds[0];
}

static int
file(const char *name, off_t size)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size) < 0)
		abort();
	return fd;
}

static void
wire(const char *kind, int fd, const char *keys)
{
	char word[80];

	snprintf(word, sizeof(word), "%s,fd=%d%s", kind, fd, keys);
	wires_add(&vm.wires, word, strlen(word));
}

static void
make(void)
{
	static char words[][16] = {"kvm-run", "-qr", "-m16,max=32", "-c2,maxcpus=4", "-H2"};
	char *argv[] = {words[0], words[1], words[2], words[3], words[4], NULL};
	struct options opt;

	diag_init(argv[0], 1);
	signal(SIGPIPE, SIG_IGN);
	options_parse(&opt, &vm.wires, 5, argv);
	vm.opt = opt.vm;
	wire("fw", file("bios", 0x10000), "");
	wire("fw", file("rom", 0x1000), ",of=fb0");
	wire("con", peer(SERIAL, SOCK_STREAM), "");
	wire("con", peer(CONSOLE, SOCK_STREAM), ",as=virtio");
	wire("con", peer(DEBUG, SOCK_STREAM), ",as=debug");
	wire("net", peer(NET, SOCK_STREAM), "");
	wire("net", peer(E1000, SOCK_SEQPACKET), ",model=e1000");
	wire("blk", disks[0] = file("disk", DISK), "");
	wire("blk", disks[1] = file("disk", DISK), ",bus=ahci");
	wire("blk", file("cd", DISK), ",media=cdrom");
	wire("fb", peer(SCREEN, SOCK_SEQPACKET), "");
	wire("fb", peer(GPU, SOCK_SEQPACKET), ",model=virtio");
	wire("ctl", peer(CTL, SOCK_STREAM), "");
	wiring_check(&vm.wires);
	if (vm.wires.faults)
		abort();
	vm_acquire(&vm);
	vm_build(&vm);
}

static uint64_t
ecam(unsigned slot, unsigned off)
{
	return PCI_ECAM_BASE + slot * 0x8000 + off;
}

/* The common configuration of a virtio device; 0: none there. */
static uint64_t
common(const struct pci_dev *d)
{
	return get_le16(d->config) == 0x1af4 && d->bars[BAR].mapped ? d->bars[BAR].mapped + OFF_COMMON : 0;
}

/* --- power-on state --- */

#define SAID_MAX 8192

static struct {
	uint64_t at;
	uint32_t value;
} said[SAID_MAX];
static unsigned nsaid;
static const char *checked; /* the device whose registers these are */

/* The first time it is written down. */
static void
expect(unsigned *n, uint64_t at, uint32_t value)
{
	if (*n == SAID_MAX)
		abort();
	if (*n == nsaid) {
		said[nsaid].at = at;
		said[nsaid++].value = value;
	} else if (said[*n].at != at || said[*n].value != value) {
		fprintf(stderr, "%s after a reset: %#llx: %#x, at first %#llx: %#x\n", checked, (unsigned long long)at, value,
		    (unsigned long long)said[*n].at, said[*n].value);
		abort();
	}
	++*n;
}

static void
expect_memory(unsigned *n, uint64_t at, unsigned len)
{
	for (unsigned off = 0; off + 4 <= len; off += 4)
		expect(n, at + off, (uint32_t)stub_load(&vm, at + off, 4));
}

static void
check_device(unsigned *n, const struct pci_dev *d)
{
	checked = d->id;
	expect_memory(n, ecam((unsigned)d->slot, 0), 256);
	stub_store(&vm, ecam((unsigned)d->slot, 4), 7, 2); /* as firmware leaves it */
	for (unsigned i = 0; i < 6; i++)
		if (d->bars[i].mapped && !d->bars[i].io && get_le16(d->config) != 0x1234) /* whose EDID is as its display likes */
			expect_memory(n, d->bars[i].mapped, 0x40);
	if (common(d)) {
		expect_memory(n, common(d), 0x14);
		expect(n, common(d) + 0x14, (uint32_t)stub_load(&vm, common(d) + 0x14, 1)); /* the generation behind it goes on */
		expect_memory(n, common(d) + 0x16, COMMON_LEN - 0x16);
	}
}

static void
check_reset(void)
{
	static const struct {
		uint16_t base, len, width;
	} ports[] = {{0x60, 5, 1}, {0x92, 1, 1}, {0x3c0, 0x1b, 1}, {0x3f8, 8, 1}, {0x510, 2, 1}, {0x600, 8, 1}, {0x620, 16, 1},
	    {0x700, 8, 4}, {0xae00, 8, 4}, {0xcf8, 8, 4}};
	unsigned n = 0;

	checked = "KVM";
	expect(&n, 0, stub_nslots);
	expect(&n, 1, stub_nbells);
	checked = "board";
	for (unsigned i = 0; i < ARRAY_LEN(ports); i++)
		for (unsigned p = ports[i].base; p < ports[i].base + ports[i].len; p += ports[i].width)
			expect(&n, p, stub_in(&vm, (uint16_t)p, ports[i].width));
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
		if (vm.pci.slots[slot])
			check_device(&n, vm.pci.slots[slot]);
	if (n != nsaid)
		abort();
}

static void
drain(void)
{
	static uint8_t buf[1 << 16];

	for (unsigned i = 0; i < PEERS; i++)
		for (;;) {
			union {
				struct cmsghdr align;
				char bytes[CMSG_SPACE(sizeof(int))];
			} control;
			struct iovec v = {buf, sizeof(buf)};
			struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
			struct cmsghdr *c;

			if (recvmsg(peers[i], &m, 0) <= 0)
				break;
			c = CMSG_FIRSTHDR(&m);
			if (c && c->cmsg_type == SCM_RIGHTS)
				close(*(int *)(void *)CMSG_DATA(c));
		}
}

/* A request of the control protocol, with a socket or a disk if it is to bring one. */
static void
ask(const char *words)
{
	int fds[2] = {-1, -1};
	char line[64];

	snprintf(line, sizeof(line), "%s\n", words);
	if (strstr(words, "net,fd=") && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
		abort();
	if (strstr(words, "blk,fd="))
		fds[0] = file("hot", DISK);
	fd_send(peers[CTL], line, strlen(line), fds, fds[0] >= 0);
	for (unsigned i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	ejected = strstr(words, "eject") || (ejected && strcmp(words, INSERT));
	run();
}

static void
begin(void)
{
	drain();
	run();
	if (ejected)
		ask(INSERT);
	for (unsigned i = vm.ndevices; i--;)
		if (vm.devices[i].hot)
			vm_remove_device(&vm, &vm.devices[i]);
	for (unsigned i = 0; i < vm.ndevices; i++)
		if (vm.devices[i].net)
			net_set_link(vm.devices[i].net, true);
	for (unsigned i = 0; i < ARRAY_LEN(disks); i++)
		if (fallocate(disks[i], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, DISK) < 0)
			abort();
	vm.nvcpus = vm.opt.cpus.cpus;
	for (unsigned i = 0; i < vm.opt.cpus.max; i++)
		vm.vcpus[i].plugged = i < vm.nvcpus;
	vm.end = VM_RUNNING;
	vm.loop.stop = false;
	vm_reset(&vm);
	if (vm.end != VM_RUNNING)
		abort();
	check_reset();
}

#endif

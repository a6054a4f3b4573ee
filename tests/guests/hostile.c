/* SPDX-License-Identifier: ISC */
/*
 * Writes nonsense to all that kvm-run decodes: ports, configuration space, BARs, virtio registers, rings and
 * descriptors. "seed=N" and "rounds=N" come from the command line. It stays alive to say so and to power off: it leaves
 * out what ends a machine, keeps devices from writing below ARENA, and takes no interrupts.
 */
#include "guest.h"

#define RAM_END (64 << 20) /* -m 64 */
#define ARENA (RAM_END - (8 << 20)) /* up to the end of RAM: what a device may write */
#define ECAM 0xb0000000ULL
#define BAR_PLACE 0xc0000000ULL
#define VGA_PLACE 0xd0000000U
#define VGA_WINDOW 0xa0000ULL

static uint64_t state;
static enum { SEND, RECEIVE, REQUEST, KINDS } kind; /* what a queue's chains are for */
static uint32_t mistakes_one_in = 4; /* from round to round from often to hardly ever */

/* xorshift64* */
static uint64_t
any(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

static uint32_t
below(uint32_t n)
{
	return (uint32_t)((any() >> 32) * n >> 32);
}

static bool
one_in(uint32_t n)
{
	return !below(n);
}

/* Numbers at which code goes wrong. */
static uint64_t
odd_number(void)
{
	static const uint64_t odd[] = {0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff,
	    0x100000000, 0x7fffffffffffffff, 0x8000000000000000, UINT64_MAX, UINT64_MAX - 15, RAM_END, RAM_END - 1};

	return one_in(3) ? odd[below(sizeof(odd) / sizeof(odd[0]))] : any() >> below(64);
}

/* An address whose bytes a device may write, or that it must refuse. */
static uint64_t
device_address(void)
{
	switch (below(8)) {
	case 0: return RAM_END - below(32);
	case 1: return odd_number() | 0x100000000;
	default: return ARENA + below(RAM_END - ARENA);
	}
}

static void
write_port(uint16_t port, unsigned width, uint32_t v)
{
	if (width == 0)
		out8(port, (uint8_t)v);
	else if (width == 1)
		out16(port, (uint16_t)v);
	else
		out32(port, v);
}

static void
read_port(uint16_t port, unsigned width)
{
	if (width == 0)
		in8(port);
	else if (width == 1)
		in16(port);
	else
		in32(port);
}

/* What a write to a port would end: the machine, or this guest's way to say that it lives. */
static bool
deadly(uint16_t port, unsigned width, uint32_t v)
{
	uint64_t bytes = v & (width == 2 ? 0xffffffff : width == 1 ? 0xffff : 0xff);

	for (unsigned i = 0; i < 1U << width; i++, bytes >>= 8) {
		uint8_t byte = (uint8_t)bytes;

		switch (port + i) {
		case 0x64: /* keyboard controller's reset, at once or by its output port */
			if ((byte >= 0xf0 && !(byte & 1)) || byte == 0xd1)
				return true;
			break;
		case 0x92:
			if (byte & 1)
				return true;
			break;
		case 0x605: /* SLP_EN */
			if (byte & 0x20)
				return true;
			break;
		case 0xcf9:
			if (port == 0xcf9 || width != 2)
				return byte & 4;
			break;
		}
	}
	return false;
}

static void
some_port(void)
{
	static const struct {
		uint16_t base, len;
	} ranges[] = {{0x60, 1}, {0x64, 1}, {0x70, 2}, {0x92, 1}, {0x3f8, 8}, {0x402, 1}, {0x600, 0x80}, {0xae00, 12}, {0x700, 8},
	    {0xcf8, 8}, {0x20, 2}, {0xa0, 2}, {0x40, 4}, {0x61, 1}, {0x4d0, 2}, {0x2f8, 8}, {0x510, 16}, {0x3b0, 0x30}, {0x3c0, 16}, {0x1ce, 4},
	    {0, 0xffff}};
	unsigned r = below(sizeof(ranges) / sizeof(ranges[0])), width = below(3);
	uint16_t port = (uint16_t)(ranges[r].base + below(ranges[r].len));
	uint32_t v = (uint32_t)odd_number();

	if (one_in(3))
		read_port(port, width);
	else if (!deadly(port, width, v))
		write_port(port, width, v);
}

/* An access of any width, often not aligned, to device memory. */
static void
poke(uint64_t at)
{
	uint64_t v = odd_number();
	unsigned how = below(6);

	if (how == 0)
		MEM8(at) = (uint8_t)v;
	else if (how == 1)
		MEM16(at) = (uint16_t)v;
	else if (how == 2)
		MEM32(at) = (uint32_t)v;
	else if (how == 3)
		MEM64(at) = v;
	else if (how == 4)
		(void)MEM32(at);
	else
		(void)MEM64(at);
}

static uint64_t
config(unsigned slot)
{
	return ECAM + slot * 0x8000ULL;
}

struct caps {
	uint64_t common, notify, isr, device; /* addresses, 0 = none */
	uint64_t msix, msix_control;
	bool balloon;
};

/* Finds virtio's structures (virtio 1.2, 4.1.4) in BARs that were put to a good place. */
static struct caps
find_caps(unsigned slot)
{
	struct caps c = {.balloon = MEM16(config(slot) + 2) == 0x1045};
	uint64_t bars[6];

	for (unsigned i = 0; i < 6; i++) {
		uint32_t low = MEM32(config(slot) + 0x10 + 4 * i);

		bars[i] = BAR_PLACE + slot * 0x100000ULL + i * 0x20000;
		MEM32(config(slot) + 0x10 + 4 * i) = (uint32_t)bars[i];
		if ((low & 6) == 4 && i < 5)
			MEM32(config(slot) + 0x10 + 4 * ++i) = 0;
	}
	MEM16(config(slot) + 4) = 6; /* memory, bus master */
	for (unsigned p = MEM8(config(slot) + 0x34), n = 0; p >= 0x40 && n < 16; p = MEM8(config(slot) + p + 1), n++) {
		uint64_t cap = config(slot) + p, at;

		if (MEM8(cap) == 0x11 && MEM8(cap + 4) % 8 < 6) {
			c.msix = bars[MEM8(cap + 4) % 8] + (MEM32(cap + 4) & ~7U);
			c.msix_control = cap + 2;
		}
		if (MEM8(cap) != 9 || MEM8(cap + 4) > 5)
			continue;
		at = bars[MEM8(cap + 4)] + MEM32(cap + 8);
		switch (MEM8(cap + 3)) {
		case 1: c.common = at; break;
		case 2: c.notify = at; break;
		case 3: c.isr = at; break;
		case 4: c.device = at; break;
		}
	}
	return c;
}

/* A driver's mistake, as often as this round has it. */
static bool
mistake(void)
{
	return one_in(mistakes_one_in);
}

/* The first bytes of something to read: a block request (virtio 1.2, 5.2.6), a control command, a packet's header. */
static void
fill_request(uint64_t at)
{
	MEM32(at) = one_in(2) ? below(2) : one_in(2) ? 0x100 + below(12) : below(16); /* of a disk, a display, others */
	MEM32(at + 4) = one_in(4) ? (uint32_t)any() : 0;
	MEM64(at + 8) = mistake() ? odd_number() : below(8192);
	for (unsigned i = 0; i < 8; i++) /* what commands of a display have behind their header */
		MEM32(at + 24 + 4 * i) = mistake() ? (uint32_t)odd_number() : below(16);
}

/* A chain of n descriptors from table[first] on: what is to be read, then what is to be written. */
static void
fill_chain(uint64_t table, unsigned first, unsigned n)
{
	unsigned reads = kind == SEND ? n : kind == RECEIVE ? 0 : n > 1 ? 1 + below(n - 1) : below(2);

	for (unsigned i = 0; i < n; i++) {
		uint64_t d = table + 16 * (first + i), at = ARENA + below(RAM_END - ARENA - 8192);
		uint32_t len = kind == REQUEST || one_in(2) ? 512 * (1 + below(8)) : below(2048);

		if (i == 0 && reads)
			len = one_in(3) ? 56 : 16; /* a command, a header */
		else if (i == n - 1 && kind == REQUEST)
			len = 1; /* a status */
		fill_request(at);
		MEM64(d) = mistake() ? device_address() : at;
		MEM32(d + 8) = mistake() ? (uint32_t)odd_number() : len;
		MEM16(d + 12) = (uint16_t)(mistake() ? any() : (i < n - 1) | (i >= reads) << 1);
		MEM16(d + 14) = (uint16_t)(mistake() ? any() : first + i + 1);
	}
}

static void
fill_indirect(uint64_t d)
{
	uint64_t table = (ARENA + below(RAM_END - ARENA - 8192)) & ~0xfULL;
	unsigned n = 1 + below(one_in(4) ? 128 : 8);

	fill_chain(table, 0, n);
	MEM64(d) = table;
	MEM32(d + 8) = mistake() ? (uint32_t)odd_number() : 16 * n;
	MEM16(d + 12) = 4;
}

/* A split ring (virtio 1.2, 2.7) in the arena: chains that mostly look like a driver's, all of them offered. */
static void
fill_ring(uint64_t desc, uint64_t avail, unsigned size)
{
	unsigned heads = 0;

	for (unsigned i = 0, n; i < size; i += n) {
		n = 1 + below(5);
		if (n > size - i)
			n = size - i;
		MEM16(avail + 4 + 2 * heads++) = (uint16_t)(mistake() ? any() : i);
		if (one_in(6))
			fill_indirect(desc + 16 * i);
		else
			fill_chain(desc, i, n);
	}
	MEM16(avail) = (uint16_t)below(2);
	MEM16(avail + 2) = (uint16_t)(mistake() ? any() : heads);
}

static void
queue_setup(const struct caps *c, unsigned q)
{
	uint64_t at = (ARENA + below(RAM_END - ARENA - (128 << 10))) & ~0xfULL;
	unsigned size;

	MEM16(c->common + 0x16) = (uint16_t)q;
	size = MEM16(c->common + 0x18);
	if (!size)
		return;
	if (size > 64)
		size = 1U << below(one_in(8) ? 9 : 7);
	kind = mistake() ? below(KINDS) : q & 1 ? SEND : one_in(2) ? RECEIVE : REQUEST;
	MEM16(c->common + 0x18) = (uint16_t)(mistake() ? odd_number() : size);
	MEM16(c->common + 0x1a) = (uint16_t)(one_in(4) ? any() : q);
	fill_ring(at, at + 0x4000, size);
	MEM64(c->common + 0x20) = mistake() ? device_address() : at;
	MEM64(c->common + 0x28) = mistake() ? device_address() : at + 0x4000;
	MEM64(c->common + 0x30) = mistake() ? device_address() : at + 0x8000;
	MEM16(c->common + 0x1c) = 1;
}

/* As a driver would start the device, with a fault here and there, then kicks and nonsense while it runs. */
static void
drive(const struct caps *c)
{
	unsigned queues;

	MEM8(c->common + 0x14) = 0;
	MEM8(c->common + 0x14) = 3;
	for (unsigned half = 0; half < 2; half++) {
		MEM32(c->common + 0x00) = half;
		MEM32(c->common + 0x08) = half;
		MEM32(c->common + 0x0c) = MEM32(c->common + 0x04) & (one_in(2) ? UINT32_MAX : (uint32_t)any() | half);
	}
	MEM8(c->common + 0x14) = 0xb;
	queues = MEM16(c->common + 0x12);
	for (unsigned q = c->balloon; q < queues && q < 8; q++) /* the first of a balloon would take this program's own pages */
		queue_setup(c, q);
	MEM8(c->common + 0x14) = 0xf;
	for (unsigned i = below(64); i; i--) {
		if (one_in(2))
			poke(ARENA + below(RAM_END - ARENA - 8)); /* a driver that changes its mind */
		if (mistake())
			poke(c->common + below(0x40));
		if (c->device && one_in(8))
			poke(c->device + below(0x40));
		MEM16(c->notify + 4 * below(queues + 1)) = (uint16_t)(one_in(8) ? any() : below(queues + 1));
		(void)MEM8(c->isr);
	}
}

/* Any byte of a function's configuration space; its BARs may go anywhere meanwhile. */
static void
scramble_config(unsigned slot)
{
	for (unsigned i = below(16); i; i--) {
		unsigned reg = below(one_in(4) ? 0x1000 : 0x100);

		if (one_in(2)) {
			poke(config(slot) + (reg & ~7U));
			continue;
		}
		out32(0xcf8, 0x80000000 | slot << 11 | (reg & 0xfc));
		write_port((uint16_t)(0xcfc + below(4)), below(3), (uint32_t)odd_number());
	}
}

/* Any byte of its BARs, MSI-X masked: a message of INIT, NMI or SMI would be the end of this processor. */
static void
scramble_bars(unsigned slot, const struct caps *c)
{
	if (c->msix)
		MEM16(c->msix_control) = 0xc000;
	for (unsigned i = below(16); i; i--)
		poke(BAR_PLACE + slot * 0x100000ULL + (one_in(2) ? below(0x40000) : below(0x4000)));
	for (unsigned v = 0; c->msix && v < 34; v++)
		MEM32(c->msix + 16 * v + 8) = MEM8(c->msix + 16 * v + 8);
}

/* Vectors with messages of all sorts; MSI-X on or off, masked or not. */
static void
set_messages(const struct caps *c)
{
	if (!c->msix)
		return;
	for (unsigned v = 0; v < 34; v++) {
		MEM32(c->msix + 16 * v) = one_in(3) ? (uint32_t)odd_number() : 0xfee00000;
		MEM32(c->msix + 16 * v + 4) = one_in(8) ? (uint32_t)any() : 0;
		MEM32(c->msix + 16 * v + 8) = below(256);
		MEM32(c->msix + 16 * v + 12) = below(2);
	}
	MEM16(c->msix_control) = (uint16_t)(below(4) << 14);
}

/* A VGA's linear memory, registers, DISPI and window; its BARs are where nothing else is, as far as this guest knows. */
static void
drive_vga(unsigned slot)
{
	MEM32(config(slot) + 0x10) = VGA_PLACE;
	MEM32(config(slot) + 0x18) = VGA_PLACE + 0x2000000;
	MEM16(config(slot) + 4) = 3;
	for (unsigned i = below(64); i; i--) {
		out16(0x1ce, (uint16_t)below(11));
		out16(0x1cf, (uint16_t)(one_in(2) ? below(2048) : odd_number()));
		poke(VGA_PLACE + below(16 << 20));
		poke(VGA_PLACE + 0x2000000 + below(0x700));
		poke(VGA_WINDOW + below(0x20000));
		write_port((uint16_t)(0x3c0 + below(32)), below(2), (uint32_t)any());
	}
}

static uint64_t
arena_page(void)
{
	return (ARENA + below(RAM_END - ARENA - 0x8000)) & ~0xfffULL;
}

static uint64_t
place_bar(unsigned slot, unsigned bar)
{
	uint64_t at = BAR_PLACE + slot * 0x100000ULL + bar * 0x20000;

	MEM32(config(slot) + 0x10 + 4 * bar) = (uint32_t)at;
	MEM16(config(slot) + 4) = 6;
	return at;
}

/* A command list of the AHCI's with tables and FISes that mostly look like a driver's. */
static void
fill_list(uint64_t list)
{
	static const uint8_t commands[] = {0xec, 0xa1, 0xa0, 0xc8, 0xca, 0x25, 0x35, 0x60, 0x61, 0x06, 0xea, 0xef, 0x2f, 0xb0};

	for (unsigned slot = 0; slot < 32; slot++) {
		uint64_t h = list + 32 * slot, t = arena_page();
		unsigned entries = below(4);

		MEM32(h) = mistake() ? (uint32_t)any() : 5 | entries << 16;
		MEM64(h + 8) = mistake() ? device_address() : t;
		MEM32(t) = mistake() ? (uint32_t)any() : 0x8027U | (uint32_t)commands[below(sizeof(commands))] << 16 | 1U << 24;
		MEM64(t + 4) = one_in(4) ? any() : below(8192);
		MEM32(t + 12) = below(64);
		MEM64(t + 0x40) = one_in(2) ? any() : 0x28;
		for (unsigned i = 0; i < entries; i++) {
			MEM64(t + 0x80 + 16 * i) = mistake() ? device_address() : arena_page();
			MEM32(t + 0x8c + 16 * i) = mistake() ? (uint32_t)any() : 512 * (1 + below(8)) - 1;
		}
	}
}

/* Addresses alone stay in the arena: what else is written to registers is anything. */
static void
drive_ahci(unsigned slot)
{
	uint64_t hba = place_bar(slot, 5), port = hba + 0x100 + 0x80 * below(2), list = arena_page();

	MEM32(hba + 4) = one_in(4) ? 1 : 0x80000002;
	MEM32(port + 0x18) = 0;
	MEM64(port) = list;
	MEM64(port + 8) = arena_page();
	MEM32(port + 0x14) = (uint32_t)any();
	MEM32(port + 0x18) = 0x11;
	fill_list(list);
	for (unsigned i = below(64); i; i--) {
		uint32_t bits = one_in(2) ? 1U << below(32) : (uint32_t)any();

		if (one_in(2))
			MEM32(port + 0x34) = bits;
		MEM32(port + 0x38) = bits;
		if (mistake())
			MEM32(port + 0x10 + 4 * below(20)) = (uint32_t)odd_number();
		if (mistake())
			MEM32(hba + 4 * below(64)) = (uint32_t)odd_number();
		(void)MEM32(port + 4 * below(32));
	}
}

static void
drive_e1000(unsigned slot)
{
	uint64_t regs = place_bar(slot, 0), tx = arena_page(), rx = arena_page();

	MEM64(regs + 0x3800) = tx;
	MEM32(regs + 0x3808) = 16 * 64;
	MEM64(regs + 0x2800) = rx;
	MEM32(regs + 0x2808) = 16 * 64;
	for (unsigned i = 0; i < 64; i++) {
		MEM64(tx + 16 * i) = mistake() ? device_address() : arena_page();
		MEM64(tx + 16 * i + 8) = one_in(3) ? any() : (uint64_t)any() << 32 | 0x29100000 | below(2048);
		MEM64(rx + 16 * i) = mistake() ? device_address() : arena_page();
	}
	MEM32(regs + 0x100) = 2 | (uint32_t)any();
	MEM32(regs + 0x400) = 2;
	for (unsigned i = below(64); i; i--) {
		unsigned reg = 4 * below(0x5800 / 4);

		MEM32(regs + 0x3818) = one_in(8) ? (uint32_t)any() : below(64);
		MEM32(regs + 0x2818) = below(64);
		if (reg / 16 != 0x3800 / 16 && reg / 16 != 0x2800 / 16) /* not where the rings are */
			MEM32(regs + reg) = (uint32_t)odd_number();
		(void)MEM32(regs + reg);
	}
	MEM32(regs) = 1U << 26;
}

static void
some_device(void)
{
	unsigned slot = below(32);
	struct caps c;

	while (MEM16(config(slot)) == 0xffff || (slot % 31 == 0 && !one_in(8))) /* the bridges have little to them */
		slot = below(32);
	if (MEM16(config(slot)) == 0x1234)
		drive_vga(slot);
	mistakes_one_in = 4U << 2 * below(6);
	if (MEM32(config(slot)) == 0x29228086)
		drive_ahci(slot);
	if (MEM32(config(slot)) == 0x100e8086)
		drive_e1000(slot);
	if (MEM16(config(slot)) != 0x1af4) {
		scramble_config(slot);
		return;
	}
	c = find_caps(slot);
	if (!c.common || !c.notify)
		return;
	set_messages(&c);
	drive(&c);
	scramble_bars(slot, &c);
	if (one_in(4))
		scramble_config(slot);
}

static void
calm_serial(void)
{
	out8(COM1 + 3, 0); /* not the divisor's latch */
	out8(COM1 + 1, 0);
	out8(COM1 + 4, 3); /* no loop back */
}

void
guest_main(const struct start_info *info)
{
	uint64_t rounds = cmdline_num(info, "rounds");

	state = cmdline_num(info, "seed") * 2 + 1;
	for (uint64_t i = 0; i < rounds; i++) {
		for (unsigned n = below(32); n; n--)
			some_port();
		some_device();
	}
	calm_serial();
	print("\nsurvived ");
	print_num(rounds);
	print(" rounds\n");
}

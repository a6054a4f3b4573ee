/* SPDX-License-Identifier: ISC */
/* links: kvm-run/all.a */
/*
 * All of a machine between a hostile guest and its peers. The input is a program: accesses to ports, configuration space, BARs and
 * memory, rings and commands as drivers have them but for a mistake here and there, doorbells, what comes over the wires, requests
 * of the control protocol. Each input begins with a reset, which must leave nothing of the one before.
 */
#include "common/fb.h"
#include "kvm-run/e1000_dev.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/machine.h"

#define RINGS 0x100000U /* of a slot's queues: QUEUES a slot, RING_STEP each */
#define RING_STEP 0x1000U
#define RING 16U
#define QUEUES 8U
#define LISTS 0x300000U /* command lists and tables of AHCI, rings of the e1000 */
#define DATA 0x400000U	/* buffers */

static struct pci_dev *
device_of(struct input *in)
{
	unsigned n = input_byte(in) % PCI_SLOTS;

	while (!vm.pci.slots[n])
		n = (n + 1) % PCI_SLOTS;
	return vm.pci.slots[n];
}

static const uint8_t widths[] = {1, 2, 4, 8};

/* Most of them where buffers are; others near all borders. */
static uint64_t
address(struct input *in)
{
	static const uint64_t near[] = {RAM, 0xa0000, 0x100000, MEM_HIGH_START, MEM_HIGH_START + RAM, PCI_ECAM_BASE, UINT64_MAX, LISTS};
	uint8_t how = input_byte(in);

	if (how < 0xc0)
		return DATA + ((uint64_t)how << 16 | (uint64_t)input_word(in)) % (RAM - DATA);
	if (how < 0xe0)
		return near[how % 8] + (uint64_t)(int64_t)(int8_t)input_byte(in);
	return input_number(in, how % 8 + 1);
}

static void
port(struct input *in, bool write)
{
	static const struct {
		uint16_t base, len;
	} ranges[] = {{0x60, 5}, {0x70, 2}, {0x92, 1}, {0x3f8, 8}, {0x402, 1}, {0x510, 12}, {0x600, 0x80}, {0x700, 8}, {0xae00, 12},
	    {0xcf8, 8}, {0x3b0, 0x30}, {0x3c0, 16}, {0x1ce, 4}, {0xc000, 0x200}, {0, 0xffff}};
	unsigned r = input_byte(in) % ARRAY_LEN(ranges), width = widths[input_byte(in) % 3];
	uint16_t at = (uint16_t)(ranges[r].base + input_word(in) % ranges[r].len);

	if (write)
		stub_out(&vm, at, input_number(in, width), width);
	else
		stub_in(&vm, at, width);
}

static void
configure(struct input *in)
{
	const struct pci_dev *d = device_of(in);
	unsigned width = widths[input_byte(in) % 3], off = input_byte(in);

	stub_store(&vm, ecam((unsigned)d->slot, off), input_number(in, width), width);
	stub_load(&vm, ecam((unsigned)d->slot, off & ~3U), 4);
}

static void
bar(struct input *in, bool write)
{
	const struct pci_dev *d = device_of(in);
	unsigned b = input_byte(in) % 6, width = widths[b % 4];
	uint64_t at;

	while (b < 6 && !d->bars[b].mapped)
		b++;
	if (b == 6 || d->bars[b].io)
		return;
	at = d->bars[b].mapped + input_word(in) % d->bars[b].size;
	if (write)
		stub_store(&vm, at, input_number(in, width < 4 ? width : 4), width);
	else
		stub_load(&vm, at, width);
}

static void
memory(struct input *in)
{
	uint64_t at = address(in);

	for (unsigned n = input_byte(in) % 64; n; n--)
		stub_store(&vm, at++, input_byte(in), 1);
}

static uint32_t
ring(const struct pci_dev *d, unsigned q)
{
	return RINGS + ((unsigned)d->slot * QUEUES + q) * RING_STEP;
}

/* As a driver starts it; a bit of the input decides for each of its steps whether it is one of its mistakes. */
static void
start(struct input *in)
{
	const struct pci_dev *d = device_of(in);
	uint64_t c = common(d);
	uint32_t features = ~(uint32_t)0;
	uint8_t odd = input_byte(in);

	if (!c)
		return;
	if (odd & 1)
		features = input_number(in, 4);
	stub_store(&vm, c + 0x14, 0, 1);
	stub_store(&vm, c + 0x14, 3, 1);
	for (unsigned half = 0; half < 2; half++) {
		stub_store(&vm, c, half, 4);
		stub_store(&vm, c + 8, half, 4);
		stub_store(&vm, c + 12, stub_load(&vm, c + 4, 4) & (half ? ~0U : features), 4);
	}
	stub_store(&vm, c + 0x14, 0xb, 1);
	stub_store(&vm, c + 0x10, odd & 4 ? input_byte(in) : 0, 2);
	for (unsigned q = 0; q < QUEUES; q++) {
		uint32_t at = ring(d, q);

		memset(vm.mem.base + at, 0, RING_STEP);
		stub_store(&vm, c + 0x16, q, 2);
		stub_store(&vm, c + 0x18, odd & 2 ? 1U << input_byte(in) % 16 : RING, 2);
		stub_store(&vm, c + 0x1a, odd & 4 ? input_byte(in) : q, 2);
		stub_store(&vm, c + 0x20, odd & 8 ? address(in) : at, 8);
		stub_store(&vm, c + 0x28, odd & 16 ? address(in) : at + 0x100, 8);
		stub_store(&vm, c + 0x30, odd & 32 ? address(in) : at + 0x200, 8);
		stub_store(&vm, c + 0x1c, !(odd & 64 && input_byte(in) & 1), 2);
	}
	stub_store(&vm, c + 0x14, 0xf, 1);
}

/* A chain on a ring that start() made, with bytes of the input to read, and the doorbell. */
static void
offer(struct input *in)
{
	const struct pci_dev *d = device_of(in);
	uint8_t how = input_byte(in), n = 1 + (how >> 3) % 4, q = how % QUEUES;
	uint8_t *desc = vm.mem.base + ring(d, q), *avail = desc + 0x100;
	uint16_t index = get_le16(avail + 2), first = (uint16_t)(index * 4 % RING);

	for (unsigned i = 0; i < n; i++) {
		uint8_t kind = input_byte(in), *at = desc + 16 * ((first + i) % RING);
		uint32_t len = kind & 0x80 ? input_number(in, 4) : input_word(in) % 0x1100;

		put_le64(at, kind & 0x40 ? address(in) : DATA + 0x1000 * ((first + i) % RING));
		put_le32(at + 8, len);
		put_le16(at + 12, (uint16_t)(((i + 1 < n) ^ (kind >> 5 & 1)) | (kind & 1) << 1 | (kind >> 2 & kind >> 3 & 1) << 2));
		put_le16(at + 14, kind & 0x10 ? input_byte(in) : (uint16_t)((first + i + 1) % RING));
		for (unsigned k = 0; !(kind & 1) && k < (kind >> 1 & 1 ? 64 : 16) && in->left; k++)
			vm.mem.base[DATA + 0x1000 * ((first + i) % RING) + k] = input_byte(in);
	}
	put_le16(avail + 4 + 2 * (index % RING), first);
	put_le16(avail + 2, (uint16_t)(index + 1));
	if (common(d) && how & 0x20)
		stub_store(&vm, d->bars[BAR].mapped + OFF_NOTIFY + NOTIFY_STEP * q, q, 2);
	run();
}

/* Messages for some vectors, and whether they are sent. */
static void
messages(struct input *in)
{
	const struct pci_dev *d = device_of(in);
	unsigned n = input_byte(in) % 8;

	if (d->msix_cap && d->bars[d->msix_bar].mapped) {
		for (unsigned v = 0; v < n; v++)
			for (unsigned word = 0; word < 4; word++)
				stub_store(&vm, d->bars[d->msix_bar].mapped + 16 * v + 4 * word,
				    word == 3 ? input_byte(in) & 1 : input_number(in, 2), 4);
		stub_store(&vm, ecam((unsigned)d->slot, d->msix_cap + 3), input_byte(in), 1);
	}
	if (d->msi_cap) {
		stub_store(&vm, ecam((unsigned)d->slot, d->msi_cap + 2), n & 1, 1);
		stub_store(&vm, ecam((unsigned)d->slot, d->msi_cap + 4), input_number(in, 4), 4);
	}
}

static struct pci_dev *
device(uint16_t vendor, uint16_t id)
{
	for (unsigned i = 0; i < PCI_SLOTS; i++)
		if (vm.pci.slots[i] && get_le16(vm.pci.slots[i]->config) == vendor && get_le16(vm.pci.slots[i]->config + 2) == id)
			return vm.pci.slots[i];
	abort();
}

static void
e1000(struct input *in)
{
	uint64_t regs = device(0x8086, 0x100e)->bars[0].mapped;
	uint8_t how = input_byte(in), *d;
	uint32_t tail;

	if (!regs)
		return;
	if (how & 1) {
		stub_store(&vm, regs + R_RDBAL, LISTS, 4);
		stub_store(&vm, regs + R_RDLEN, 256, 4);
		stub_store(&vm, regs + R_TDBAL, LISTS + 0x1000, 4);
		stub_store(&vm, regs + R_TDLEN, 256, 4);
		stub_store(&vm, regs + R_IMS, input_number(in, 2), 4);
		stub_store(&vm, regs + R_RCTL, 0x0a | input_number(in, 3), 4);
		stub_store(&vm, regs + R_TCTL, 0x0a, 4);
		for (unsigned i = 0; i < RING; i++)
			put_le64(vm.mem.base + LISTS + 16 * i, DATA + 0x1000 * i);
		stub_store(&vm, regs + R_RDT, 15, 4);
	}
	for (unsigned n = how >> 1 & 3; n; n--) {
		tail = (uint32_t)stub_load(&vm, regs + R_TDT, 4) % RING;
		d = vm.mem.base + LISTS + 0x1000 + 16 * tail;
		put_le64(d, how & 0x80 ? address(in) : DATA + 0x1000 * tail);
		put_le32(d + 8, input_number(in, 4));
		put_le32(d + 12, input_number(in, 4));
		stub_store(&vm, regs + R_TDT, (tail + 1) % RING, 4);
	}
	run();
}

/* A command of AHCI's: the FIS's bytes and the buffers are the input's. */
static void
ahci(struct input *in)
{
	uint64_t regs = device(0x8086, 0x2922)->bars[5].mapped, p;
	uint8_t how = input_byte(in), slot = input_byte(in) % 32, entries = how >> 4 & 3;
	uint32_t list = LISTS + 0x10000 + 0x1000 * (how & 1), table = LISTS + 0x20000 + 0x10000 * (how & 1) + 0x400 * slot;
	uint8_t *h = vm.mem.base + list + 32 * slot, *t = vm.mem.base + table;

	if (!regs)
		return;
	p = regs + 0x100 + 0x80 * (how & 1);
	if (how & 2) {
		stub_store(&vm, regs + 4, 2, 4);
		stub_store(&vm, p + 0x18, 0, 4);
		stub_store(&vm, p, list, 4);
		stub_store(&vm, p + 8, LISTS + 0x8000 + 0x1000 * (how & 1), 4);
		stub_store(&vm, p + 0x14, ~0U, 4);
		stub_store(&vm, p + 0x18, 0x11, 4);
	}
	put_le16(h, (uint16_t)(5 | (how & 4) << 4));
	put_le16(h + 2, entries);
	put_le64(h + 8, how & 0x80 ? address(in) : table);
	t[0] = 0x27;
	t[1] = how & 8 ? input_byte(in) : 0x80;
	for (unsigned i = 2; i < 16; i++)
		t[i] = input_byte(in);
	for (unsigned i = 0; t[2] == 0xa0 && i < 12; i++)
		t[0x40 + i] = input_byte(in);
	for (unsigned i = 0; i < entries; i++) {
		put_le64(t + 0x80 + 16 * i, address(in) & ~1ULL);
		put_le32(t + 0x8c + 16 * i, input_number(in, 3) | 1);
	}
	if (how & 0x40)
		stub_store(&vm, p + 0x34, 1U << slot, 4);
	stub_store(&vm, p + 0x38, 1U << slot, 4);
	run();
}

/* From the other end of a wire; on a stream with its length, mostly. */
static void
arrive(struct input *in)
{
	static const uint8_t from[] = {NET, E1000, SERIAL, CONSOLE};
	uint8_t buf[4 + 2048] = {0}, how = input_byte(in), which = from[how % sizeof(from)];
	size_t len = 1 + input_word(in) % (sizeof(buf) - 4), head = which == NET ? 4 : 0;

	put_be32(buf, (uint32_t)(how & 0x80 ? len ^ how : len));
	for (size_t i = head; i < head + len && i < 64; i++)
		buf[i] = input_byte(in);
	send(peers[which], buf, head + len, 0);
	run();
}

static void
display(struct input *in)
{
	uint8_t how = input_byte(in);
	int sock = peers[how & 1 ? SCREEN : GPU];
	union fb_message m = {0};

	switch (how >> 1 & 3) {
	case 0:
		m.ask = (struct fb_ask){FB_ASK, how >> 3 & 1};
		break;
	case 1:
		m.key = (struct fb_key){FB_KEY, input_byte(in), how >> 3 & 1};
		break;
	case 2:
		m.pointer = (struct fb_pointer){FB_POINTER, how >> 3 & 1, input_word(in), input_word(in), (int8_t)input_byte(in), 0,
		    input_byte(in) & 31};
		break;
	case 3:
		m.resize = (struct fb_resize){FB_RESIZE, input_word(in), input_word(in)};
		break;
	}
	if (!fb_fault(&m, fb_length(&m), false))
		fb_send(sock, &m, -1);
	run();
}

static void
request(struct input *in)
{
	static const char *const lines[] = {"status", "stop", "cont", "powerdown", "reset", "vcpus", "devices", "net", "stats", "kvm",
	    "balloon", "balloon 8", "balloon 16", "memory", "memory 16", "memory 20", "memory 32", "merge on", "merge off", "plug vcpu",
	    "plug vcpu3", "unplug vcpu3", "unplug vcpu1", "link net0 down", "link net0 up", "link net1 down", "link net1 up", "eject blk2",
	    INSERT, "unplug hot", "wire net,fd=0,id=hot", "wire blk,fd=0,id=hot"};

	ask(lines[input_byte(in) % ARRAY_LEN(lines)]);
}

static void
step(struct input *in)
{
	switch (input_byte(in) % 20) {
	case 0:
	case 1: port(in, true); break;
	case 2: port(in, false); break;
	case 3: configure(in); break;
	case 4:
	case 5: bar(in, true); break;
	case 6: bar(in, false); break;
	case 7: memory(in); break;
	case 8: stub_store(&vm, address(in), input_number(in, 4), 8); break;
	case 9: start(in); break;
	case 10:
	case 11:
	case 12: offer(in); break;
	case 13: messages(in); break;
	case 14: e1000(in); break;
	case 15: ahci(in); break;
	case 16: arrive(in); break;
	case 17: display(in); break;
	case 18: request(in); break;
	case 19: run(); break;
	}
	if (vm.end == VM_RESET)
		begin();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};

	if (!vm.fd)
		make();
	begin();
	while (in.left)
		step(&in);
	run();
	return 0;
}

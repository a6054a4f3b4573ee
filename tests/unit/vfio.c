/* SPDX-License-Identifier: ISC */
/* links: kvm-run/vfio_new.c kvm-run/vfio_region.c kvm-run/vfio_config.c kvm-run/vfio_caps.c kvm-run/vfio_irq.c kvm-run/vfio_host.c kvm-run/pci.c kvm-run/pci_bar.c kvm-run/pci_irq.c kvm-run/memslot.c kvm-run/msix.c kvm-run/irq.c kvm-run/bus.c kvm-run/mem.c */
/* An assigned device as its guest sees it, and what of it the guest does not get; VFIO, IOMMU and KVM are played by vfio_rig.h. */
#include "tests/unit/tap.h"
#include "tests/unit/vfio_rig.h"

#define HOME (PCI_WINDOW32 + (1 << 20)) /* of small BARs in slot 1 */
#define MSIX 0xa0
#define MSI 0x50
#define EXPRESS 0x60
#define EA 0xb0
#define PM 0x40
#define SCRATCH 0xf0

/* A card: 128 KiB of registers, ports, MSI-X at 0 and 0x2000 of 16 KiB, 256 KiB of 64 bits, a ROM of 6 KiB. */
static uint8_t *
card(void)
{
	static uint8_t c[VFIO_CONFIG_MAX];
	static const uint64_t sizes[] = {0x20000, 0, 32, 0x4000, 0x40000, 0, 0x1800, VFIO_CONFIG_MAX};

	rig_init();
	memcpy(rig_size, sizes, sizeof(sizes));
	memset(c, 0, sizeof(c));
	memcpy(c, "\x86\x80\xd3\x10\x03\x04\x10\x00\x07\x00\x00\x02\x10\x00\x80", 15);
	c[0x18] = 1;	/* BAR 2: ports */
	c[0x20] = 0x0c; /* BAR 4: 64 bits, prefetchable */
	put_le32(c + 0x2c, 0x12345678);
	c[0x34] = PM;
	c[0x3d] = 2; /* INTB */
	memcpy(c + PM, "\x01\x50\x03\x00", 4);
	memcpy(c + MSI, "\x05\x60\x86\x01", 4); /* 64 bits, masks, eight messages */
	memcpy(c + EXPRESS, "\x10\xa0\x02\x00", 4);
	memset(c + EXPRESS + 4, 0xee, 0x38);
	memcpy(c + MSIX, "\x11\xb0\x04\x80\x03\x00\x00\x00\x03\x20\x00\x00", 12);
	memcpy(c + EA, "\x14\x50", 2); /* and round again */
	put_le32(c + 0x100, 0x14010001); /* errors, then */
	put_le32(c + 0x140, 0x18010010); /* SR-IOV, then */
	put_le32(c + 0x180, 0x10010003); /* a serial number, then the first again */
	c[0x184] = 0x77;
	return c;
}

static uint32_t
rig_get(unsigned region, uint64_t off, unsigned len)
{
	uint32_t v = 0;

	if (pread(rig_fd, &v, len, (off_t)(rig_offset(region) + off)) != (ssize_t)len)
		abort();
	return v;
}

static const char *
plug(const uint8_t *c)
{
	rig_put(RIG_CONFIG, 0, c, VFIO_CONFIG_MAX);
	return rig_plug();
}

static bool
shown(uint64_t gpa, uint64_t size)
{
	for (unsigned i = 0; i < RIG_SLOTS; i++)
		if (rig_slots[i].size == size && rig_slots[i].gpa == gpa)
			return true;
	return false;
}

static unsigned
all_shown(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RIG_SLOTS; i++)
		n += rig_slots[i].size != 0;
	return n;
}

static void
test_config(void)
{
	ok(rig_config(0, 4) == 0x10d38086 && rig_config(8, 4) == 0x02000007 && rig_config(0x2c, 4) == 0x12345678, "its names");
	ok(rig_config(0x0c, 4) == 0x10 && rig_config(0x3d, 1) == 1, "one function, with the pin A");
	ok(rig_config(0x34, 1) == PM && rig_config(PM, 2) == 0x5001 && rig_config(MSI, 4) == 0x00806005,
	    "power management; MSI of one message, without masks");
	ok(rig_config(EXPRESS, 4) == 0x0092a010 && !rig_config(EXPRESS + 0x0c, 4) && !rig_config(EXPRESS + 0x2c, 4) &&
	    rig_config(EXPRESS + 8, 4) == 0xeeeeeeee, "an endpoint is of the root, and has no link");
	ok(rig_config(MSIX, 4) == 0x0004b011 && rig_config(EA, 2) == 0, "MSI-X, off; EA is none, and the list ends where it was before");
	ok(rig_config(0x100, 4) == 0x14010001 && rig_config(0x140, 4) == 0x18000000 && rig_config(0x180, 4) == 0x00010003 &&
	    rig_config(0x184, 1) == 0x77, "beyond 256 bytes the same");
	rig_set_config(SCRATCH, 0xabcd, 2);
	ok(rig_get(RIG_CONFIG, SCRATCH, 2) == 0xabcd && rig_config(SCRATCH, 2) == 0xabcd, "what is not ours is the device's");
	rig_set_config(0x184, 0x99, 1);
	rig_set_config(0x100, 0, 4);
	ok(rig_get(RIG_CONFIG, 0x184, 1) == 0x99 && rig_config(0x100, 4) == 0x14010001, "but for headers");
	rig_set_config(0, 0, 4);
	rig_set_config(MSI, 0xff01, 2);
	rig_set_config(0x10, 0x100000, 4);
	ok(rig_get(RIG_CONFIG, 0, 4) == 0x10d38086 && rig_get(RIG_CONFIG, MSI, 2) == 0x6005 && !rig_get(RIG_CONFIG, 0x10, 4),
	    "and nothing of what is ours is written to it");
	rig_set_config(4, 0x0404, 2);
	ok(rig_config(4, 2) == 0x0404 && rig_get(RIG_CONFIG, 4, 2) == 0x0407, "commands are, and it always decodes");
}

static void
test_bars(void)
{
	uint32_t v = 0x12345678;

	rig_set_config(0x10, (uint32_t)HOME, 4);
	rig_set_config(4, 7, 2);
	ok(shown(HOME, 0x20000) && all_shown() == 4, "BARs are memory of the guest");
	ok(shown(HOME + 0x20000 + 0x1000, 0x1000) && shown(HOME + 0x20000 + 0x3000, 0x1000), "but for MSI-X's pages");
	bus_do(&rig_vm.mmio, HOME + 0x20000 + 0x800, &v, 4, true);
	ok(rig_get(3, 0x800, 4) == v, "what shares those is written for it");
	v = 0;
	bus_do(&rig_vm.mmio, HOME + 0x20000 + 0x800, &v, 4, false);
	ok(v == 0x12345678, "and read");
	v = 0xfee00000;
	bus_do(&rig_vm.mmio, HOME + 0x20000, &v, 4, true);
	ok(!rig_get(3, 0, 4), "the table's entries are not");
	bus_do(&rig_vm.ports, 0xc004, &v, 2, true);
	ok(rig_get(2, 4, 2) == (v & 0xffff), "ports");
	rig_set_config(0x10, 0x100000, 4);
	ok(all_shown() == 3 && !shown(0x100000, 0x20000), "a BAR on top of RAM is nowhere");
	rig_set_config(0x10, (uint32_t)HOME + 0x20000, 4);
	ok(all_shown() == 3, "nor is it shown on top of another");
	rig_set_config(0x10, (uint32_t)HOME, 4);
	rig_set_config(PM + 4, 3, 1);
	ok(!all_shown() && rig_get(RIG_CONFIG, PM + 4, 1) == 3, "asleep it has none");
	rig_set_config(4, 4, 2);
	rig_set_config(4, 6, 2);
	ok(!all_shown(), "even if they are turned on again");
	rig_set_config(PM + 4, 0, 1);
	ok(all_shown() == 4, "until it is awake");
}

static void
test_rom(void)
{
	rig_put(PCI_ROM, 0, "\x55\xaa", 2);
	rig_set_config(0x30, (uint32_t)HOME + 0x80001, 4);
	ok(all_shown() == 5 && shown(HOME + 0x80000, 0x2000), "a ROM, of a size there is");
	for (unsigned i = 0; i < RIG_SLOTS; i++)
		if (rig_slots[i].size == 0x2000)
			ok(get_le16(rig_slots[i].at) == 0xaa55, "as it is in the device");
	rig_set_config(0x30, 0, 4);
}

static void
test_irqs(void)
{
	uint32_t unmask = 0;

	ok(rig_irqs[0] == 1 && rig_pins == 1, "at first its pin interrupts");
	rig_set_config(MSIX + 2, 0x8000, 2);
	ok(!rig_irqs[0] && !rig_pins && rig_irqs[2] == 5, "then MSI-X, all of it");
	rig_set_config(MSIX + 2, 0, 2);
	rig_set_config(MSI + 2, 1, 2);
	ok(!rig_irqs[2] && rig_irqs[1] == 1 && rig_config(MSI + 2, 2) == 0x81, "or MSI, one message");
	rig_set_config(MSI + 2, 0, 2);
	ok(!rig_irqs[1] && rig_irqs[0] == 1 && rig_pins == 1, "or the pin again");
	rig_irqs_most = 3;
	rig_set_config(MSIX + 2, 0x8000, 2);
	bus_do(&rig_vm.mmio, HOME + 0x20000 + 12, &unmask, 4, true);
	ok(rig_irqs[2] == 3, "if the host has fewer, those");
	rig_irqs_most = 0;
}

static void
test_reset(void)
{
	rig_device.ops->reset(rig_device.dev);
	ok(rig_resets == 2 && !(rig_get(RIG_CONFIG, 4, 2) & 4), "a reset is the device's, too, and stops it from being master");
	pci_reset(&rig_vm.pci);
	ok(!all_shown() && rig_irqs[0] == 1 && !rig_irqs[2] && rig_config(4, 2) == 0, "BARs are off, and the pin interrupts");
}

static void
test_dma(void)
{
	char why[128];

	ok(!rig_maps[0].size && rig_vm.mem.keep, "before the machine is ready the device reaches no memory");
	ok(!vfio_dma_map(&rig_vm, why, sizeof(why)) && rig_maps[0].size == RIG_RAM && !rig_maps[1].size, "then all of RAM");
	is(vfio_dma_map(&rig_vm, why, sizeof(why)), "its container has something mapped already", "a container with maps is refused");
	vfio_dma_unmap(&rig_vm);
	ok(!rig_maps[0].size, "and none of it again");
	vfio_dma_map(&rig_vm, why, sizeof(why));
}

static void
test_blocks(void)
{
	static uint64_t plugged[1];
	struct guest_mem *m = &rig_vm.mem;
	struct mem_hot none = m->hot;

	m->hot = (struct mem_hot){.start = 8ULL << 30, .size = 4 << 20, .block = 2 << 20, .plugged = plugged};
	mem_plug(m, 0, 2, true);
	ok(vfio_dma_blocks(&rig_vm, 0, 2, true) && rig_maps[1].size == 2 << 20 && rig_maps[2].size == 2 << 20, "memory that is plugged in");
	ok(vfio_dma_blocks(&rig_vm, 1, 1, false) && rig_maps[1].size && !rig_maps[2].size, "and out");
	ok(!vfio_dma_blocks(&rig_vm, 0, 2, true) && !rig_maps[1].size && !rig_maps[2].size, "all of it or nothing");
	m->hot = none;
}

/* What a device may not be: the reason, of a card that was changed at one place. */
static void
refuse(unsigned region, uint64_t size, unsigned off, uint8_t value, const char *reason)
{
	uint8_t *c = card();
	const char *bad;

	if (region < RIG_REGIONS)
		rig_size[region] = size;
	c[off] = value ? value : c[off];
	bad = plug(c);
	is(bad, reason, reason ? reason : "fine");
	ok(!all_shown() && (bad ? !rig_groups : rig_groups == 1), "nothing is left of it, or all is there");
	rig_done(!bad);
}

static void
test_odd(void)
{
	refuse(0, 0x30000, 0, 0, "BAR 0 of 196608 bytes: not of a size there is");
	refuse(2, 512, 0, 0, "BAR 2 of 512 bytes: not of a size there is");
	refuse(0, 1ULL << 33, 0, 0, "BAR 0: too large for a register of 32 bits");
	refuse(4, 1ULL << 40, 0, 0, "no slots, or no room for its BARs");
	refuse(RIG_CONFIG, 64, 0, 0, "its configuration space cannot be read");
	refuse(RIG_REGIONS, 0, 0x0e, 1, "a bridge, not a device");
	refuse(5, 0x1000, 0, 0, NULL); /* the upper half of a BAR is none */
	refuse(RIG_REGIONS, 0, MSIX + 4, 6, NULL);
	refuse(RIG_REGIONS, 0, 0x34, 0xfc, NULL);
	refuse(RIG_REGIONS, 0, MSI + 1, 0xf8, NULL);
}

/* MSI-X that tells of a place where there is none. */
static void
test_no_msix(void)
{
	uint8_t *c = card();

	put_le32(c + MSIX + 4, 0x3fc3);
	plug(c);
	ok(rig_config(MSIX, 1) == 0 && !rig_device.pci->nvectors, "a table that does not fit is none");
	rig_set_config(4, 6, 2);
	ok(shown(HOME + 0x20000, 0x4000), "and its BAR is whole");
	rig_done(true);
	c = card();
	rig_no_mmap = true;
	plug(c);
	rig_set_config(4, 6, 2);
	ok(!all_shown(), "what cannot be mapped is not shown");
	rig_done(true);
}

int
main(void)
{
	if (!is(plug(card()), NULL, "a device is plugged in"))
		return 1;
	test_dma();
	test_config();
	test_bars();
	test_rom();
	test_irqs();
	test_blocks();
	test_reset();
	rig_done(true);
	ok(!all_shown() && !rig_groups && !rig_pins && !rig_vm.mem.keep, "unplugged nothing is left of it");
	test_odd();
	test_no_msix();
	printf("1..%u\n", tap_checks);
	return tap_failures != 0;
}

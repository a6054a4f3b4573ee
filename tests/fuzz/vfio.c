/* SPDX-License-Identifier: ISC */
/* links: kvm-run/vfio_new.c kvm-run/vfio_region.c kvm-run/vfio_config.c kvm-run/vfio_caps.c kvm-run/vfio_irq.c kvm-run/vfio_host.c kvm-run/pci.c kvm-run/pci_bar.c kvm-run/pci_irq.c kvm-run/memslot.c kvm-run/msix.c kvm-run/irq.c kvm-run/bus.c kvm-run/mem.c */
/*
 * A device whose configuration space holds anything, and a guest that does anything to it. First come its regions' sizes, then
 * patches of the space, then the guest's steps. The rig aborts when memory is shown where none may be.
 */
#include "tests/fuzz/input.h"
#include "tests/unit/vfio_rig.h"

/* A header that can be had, with a list to begin with. */
static void
make_space(struct input *in)
{
	static uint8_t c[VFIO_CONFIG_MAX];
	unsigned patches = input_byte(in) % 32;

	memset(c, 0, sizeof(c));
	memcpy(c, "\x86\x80\xd3\x10\x03\x04\x10\x00\x07\x00\x00\x02\x10\x00\x80", 15);
	c[0x34] = 0x40;
	c[0x3d] = 1;
	memcpy(c + 0x40, "\x01\x50\x03\x00", 4);
	memcpy(c + 0x50, "\x05\x70\x86\x01", 4);
	memcpy(c + 0x70, "\x11\x80\x04\x00\x00\x00\x00\x00\x00\x20\x00\x00", 12);
	memcpy(c + 0x80, "\x10\x00\x02\x00", 4);
	for (; patches; patches--) {
		unsigned at = input_number(in, 2) % sizeof(c);

		put_le32(c + (at < sizeof(c) - 4 ? at : sizeof(c) - 4), input_number(in, 4));
	}
	rig_put(RIG_CONFIG, 0, c, sizeof(c));
}

static void
step(struct input *in)
{
	static const uint16_t places[] = {4, 0x10, 0x14, 0x18, 0x20, 0x24, 0x30, 0x44, 0x52, 0x72};
	uint8_t what = input_byte(in);
	uint64_t addr, v = 0;
	unsigned reg, len;

	switch (what % 6) {
	case 0:
		reg = places[input_byte(in) % (sizeof(places) / sizeof(*places))];
		rig_set_config(reg, input_number(in, 4), what & 64 ? 2 : 4);
		break;
	case 1:
		reg = input_number(in, 2) % VFIO_CONFIG_MAX;
		len = 1U << what / 8 % 3;
		if (reg + len <= VFIO_CONFIG_MAX && !(reg % len))
			rig_set_config(reg, input_number(in, len), len);
		break;
	case 2:
		reg = input_number(in, 2) % (VFIO_CONFIG_MAX - 3) & ~3U;
		rig_config(reg, 4);
		break;
	case 3: /* where its BARs are at first, and beyond */
		addr = PCI_WINDOW32 + (1 << 20) + input_number(in, 3) % (1 << 20);
		v = input_number(in, 4);
		bus_do(&rig_vm.mmio, addr, &v, 1U << what / 8 % 4, what & 128);
		break;
	case 4:
		addr = 0xc000 + input_byte(in);
		bus_do(&rig_vm.ports, addr, &v, 1U << what / 8 % 3, what & 128);
		break;
	case 5:
		rig_device.ops->reset(rig_device.dev);
		if (what & 64)
			pci_reset(&rig_vm.pci);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	char why[128];

	rig_init();
	rig_size[RIG_CONFIG] = input_byte(&in) % 8 ? VFIO_CONFIG_MAX : 256;
	for (unsigned i = 0; i < PCI_BARS; i++) {
		uint8_t b = input_byte(&in);

		rig_size[i] = b < 64 ? 1ULL << b % 44 : b < 80 ? b : 0x4000; /* some are of no size there is */
	}
	make_space(&in);
	if (!rig_plug()) {
		if (vfio_dma_map(&rig_vm, why, sizeof(why)))
			abort();
		while (in.left)
			step(&in);
		rig_done(true);
	} else {
		rig_done(false);
	}
	for (unsigned i = 0; i < RIG_SLOTS; i++)
		if (rig_slots[i].size)
			abort();
	return 0;
}

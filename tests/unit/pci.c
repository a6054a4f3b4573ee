/* links: kvm-run/pci.c kvm-run/pci_bar.c kvm-run/pci_irq.c kvm-run/memslot.c kvm-run/msix.c kvm-run/irq.c kvm-run/bus.c */
/* SPDX-License-Identifier: ISC */
/* Configuration space, BARs and MSI-X as a guest sees them; KVM is played here. */
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "common/diag.h"
#include "kvm-run/irq.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vm.h"
#include "tests/unit/tap.h"

#define BAR_SIZE 0x4000
#define SLOT 1
#define COMMAND 0x04
#define BAR0 0x10
#define LINE 0x3c
#define SCRATCH 0x80
#define PAM1 0x91

static struct vm vm;
static struct pci_dev dev;
static unsigned msi_routes, routings, armed, mapped;
static uint64_t rom_at;
static uint32_t rom_flags;
static bool kvm_fails;
static uint32_t lines; /* of the interrupt controllers, a bit each */

int
ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	const void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, const void *);
	va_end(ap);
	if (request == KVM_SET_GSI_ROUTING) {
		const struct kvm_irq_routing *r = arg;

		routings++;
		msi_routes = 0;
		for (uint32_t i = 0; i < r->nr; i++)
			msi_routes += r->entries[i].type == KVM_IRQ_ROUTING_MSI;
		errno = ENOMEM;
		return kvm_fails ? -1 : 0;
	}
	if (request == KVM_IRQ_LINE) {
		const struct kvm_irq_level *l = arg;

		lines = l->level ? lines | 1U << l->irq : lines & ~(1U << l->irq);
	}
	if (request == KVM_IRQFD) {
		const struct kvm_irqfd *i = arg;

		armed += i->flags & KVM_IRQFD_FLAG_DEASSIGN ? -1U : 1;
	}
	if (request == KVM_SET_USER_MEMORY_REGION) {
		const struct kvm_userspace_memory_region *m = arg;

		rom_at = m->memory_size ? m->guest_phys_addr : 0;
		rom_flags = m->flags;
	}
	return 0;
}

void
lpc_reset_control(struct vm *v, void *data, bool write)
{
	(void)v, (void)data, (void)write;
}

void
warn(const char *fmt, ...)
{
	(void)fmt;
}

static void
bar_access(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	(void)d, (void)bar, (void)off, (void)write;
	memset(data, 0x5a, len);
}

static void
bar_mapped(struct pci_dev *d, unsigned bar, uint64_t gpa, bool is_mapped)
{
	(void)d, (void)bar, (void)gpa;
	mapped += is_mapped ? 1 : -1U;
}

static uint32_t
config(unsigned slot, unsigned reg, unsigned len)
{
	uint32_t v = 0;

	bus_do(&vm.mmio, PCI_ECAM_BASE + (slot << 15) + reg, &v, len, false);
	return v;
}

static void
set_config(unsigned slot, unsigned reg, uint32_t v, unsigned len)
{
	bus_do(&vm.mmio, PCI_ECAM_BASE + (slot << 15) + reg, &v, len, true);
}

static uint32_t
bar(uint64_t off)
{
	uint32_t v = 0;

	bus_do(&vm.mmio, PCI_WINDOW32 + SLOT * (1 << 20) + off, &v, 4, false);
	return v;
}

static void
set_bar(uint64_t off, uint32_t v)
{
	bus_do(&vm.mmio, PCI_WINDOW32 + SLOT * (1 << 20) + off, &v, 4, true);
}

/* A message for vector v, masked or not. */
static void
set_vector(unsigned v, uint32_t data, uint32_t masked)
{
	set_bar(16 * v, 0xfee00000);
	set_bar(16 * v + 4, 0);
	set_bar(16 * v + 8, data);
	set_bar(16 * v + 12, masked);
}

static void
make(void)
{
	static const struct pci_ops ops = {.bar_access = bar_access, .bar_mapped = bar_mapped};

	vm.mem.low_size = 1 << 20;
	pthread_mutex_init(&vm.route_lock, NULL);
	vm.routes = calloc(1, sizeof(*vm.routes) + 64 * sizeof(vm.routes->entries[0]));
	pci_init(&vm.pci, &vm);
	pci_dev_init(&dev, &vm, "dev", &ops, 0x1af4, 0x1041, 0x020000, 1);
	pci_add_bar(&dev, 0, BAR_SIZE, true, true);
	dev.wmask[SCRATCH] = 0xff;
	if (pci_add_msix(&dev, 0, 3) || pci_plug(&vm.pci, &dev, false) != SLOT)
		abort();
}

static void
test_bars(void)
{
	uint32_t first = config(SLOT, BAR0, 4);

	ok(bar(0x1000) == 0xffffffff && !mapped, "before it is enabled a BAR is nowhere");
	set_config(SLOT, BAR0, 0xffffffff, 4);
	set_config(SLOT, BAR0 + 4, 0xffffffff, 4);
	ok(config(SLOT, BAR0, 4) == (~(BAR_SIZE - 1U) | 0xc) && config(SLOT, BAR0 + 4, 4) == 0xffffffff, "it tells its size");
	set_config(SLOT, BAR0, first, 4);
	set_config(SLOT, BAR0 + 4, 0, 4);
	set_config(SLOT, COMMAND, 6, 2);
	ok(bar(0x1000) == 0x5a5a5a5a && mapped == 1, "enabled it is where it says");
	set_config(SLOT, BAR0, 0x10000, 4);
	ok(bar(0x1000) == 0xffffffff && mapped == 0, "outside of the windows it is not");
	set_config(SLOT, BAR0, first, 4);
	ok(config(SLOT, 0xfc, 4) == 0 && config(SLOT, 0x100, 4) == 0 && config(SLOT, 0xfe, 4) == 0,
	    "no extended configuration space");
	ok(config(2, 0, 4) == 0xffffffff, "an empty slot is all ones");
}

#define IO_SLOT 2
#define ROM 0x30

/* A second device: ports and an option ROM; firmware moves them. */
static void
test_ports_and_rom(void)
{
	static const struct pci_ops ops = {.bar_access = bar_access, .bar_mapped = bar_mapped};
	static struct pci_dev d;
	static char rom[0x10000];
	uint32_t v = 0;

	pci_dev_init(&d, &vm, "ports", &ops, 0x1234, 0x5678, 0x020000, 0);
	pci_add_io_bar(&d, 0, 0x40);
	pci_add_bar(&d, 1, 0x1000, false, false);
	pci_add_rom(&d, rom, sizeof(rom));
	ok(pci_plug(&vm.pci, &d, false) == IO_SLOT && config(IO_SLOT, BAR0, 4) == 0xc001, "a BAR of ports has a first place");
	ok(config(IO_SLOT, BAR0 + 4, 4) == PCI_WINDOW32 + (IO_SLOT << 20), "and the next one is where it would be without");
	set_config(IO_SLOT, BAR0, 0xffffffff, 4);
	ok(config(IO_SLOT, BAR0, 4) == 0xffffffc1, "ports tell their number");
	set_config(IO_SLOT, BAR0, 0xd000, 4);
	set_config(IO_SLOT, COMMAND, 2, 2);
	bus_do(&vm.ports, 0xd03c, &v, 4, false);
	ok(v == 0xffffffff, "they need a bit of their own");
	set_config(IO_SLOT, COMMAND, 3, 2);
	bus_do(&vm.ports, 0xd03c, &v, 4, false);
	ok(v == 0x5a5a5a5a, "then they are there");
	set_config(IO_SLOT, BAR0, 0x600, 4);
	bus_do(&vm.ports, 0x600, &v, 4, false);
	ok(v == 0xffffffff, "but not below the window");
	set_config(IO_SLOT, ROM, 0xfffff800, 4);
	ok(config(IO_SLOT, ROM, 4) == 0xffff0000, "the ROM tells its size");
	set_config(IO_SLOT, ROM, 0xfe000000, 4);
	ok(!rom_at, "and is nowhere");
	set_config(IO_SLOT, ROM, 0xfe000001, 4);
	ok(rom_at == 0xfe000000 && rom_flags == KVM_MEM_READONLY, "until it is enabled: memory that is read");
	set_config(IO_SLOT, ROM, 0xfec00001, 4);
	ok(!rom_at, "outside of the windows it is not");
	ok(pci_find(&vm.pci, "ports") == &d && !pci_find(&vm.pci, "lpc") && !pci_find(&vm.pci, "host-bridge"), "devices have names");
	pci_unplug(&vm.pci, &d);
}

static void
test_msix(void)
{
	unsigned control = dev.msix_cap + 2;

	set_vector(0, 0x40, 0);
	ok(!armed, "a vector is not delivered while MSI-X is off");
	set_config(SLOT, control, 0x8000, 2);
	ok(armed == 1 && msi_routes == 1, "turned on it is");
	set_vector(1, 0x41, 1);
	msix_fire(&dev, 1);
	ok(armed == 1 && bar(dev.pba) == 2, "a masked one becomes pending");
	set_config(SLOT, control, 0xc000, 2);
	ok(armed == 0, "all can be masked at once");
	msix_fire(&dev, 0);
	ok(bar(dev.pba) == 3, "and become pending");
	set_config(SLOT, control, 0x8000, 2);
	routings = 0;
	set_vector(0, 0x40, 1);
	set_vector(0, 0x40, 0);
	ok(armed == 1 && !routings, "masked and unmasked with the same message the kernel need not be told");
}

static void
test_route_failure(void)
{
	kvm_fails = true;
	set_vector(2, 0x42, 0);
	ok(armed == 1, "a vector is not delivered if the kernel did not take its route");
	kvm_fails = false;
	set_vector(0, 0x50, 0);
	ok(armed == 1 && msi_routes == 1, "the others are, and their routes are changed without it");
	set_bar(16 * 2 + 12, 1);
	set_bar(16 * 2 + 12, 0);
	ok(armed == 2 && msi_routes == 2, "unmasked again the kernel is told again");
}

static void
test_reset(void)
{
	uint32_t first = config(SLOT, BAR0, 4);

	set_config(SLOT, LINE, 11, 1);
	set_config(SLOT, SCRATCH, 0x77, 1);
	set_config(0, PAM1, 0x33, 1);
	set_config(SLOT, BAR0, PCI_WINDOW32 + 0x80000, 4);
	pci_reset(&vm.pci);
	ok(config(SLOT, COMMAND, 2) == 0 && config(SLOT, BAR0, 4) == first && mapped == 0, "a reset puts BARs back, and off");
	ok(!armed && !(config(SLOT, dev.msix_cap + 2, 2) & 0xc000), "and MSI-X");
	ok(config(SLOT, LINE, 1) == 0 && config(SLOT, SCRATCH, 1) == 0 && config(0, PAM1, 1) == 0,
	    "and every other register that the guest wrote");
}

/* Two devices in slots that share a line, one of which also has MSI; and the bridge that routes lines to the PICs. */
static void
test_pins(void)
{
	static const struct pci_ops ops = {.bar_access = bar_access, .bar_mapped = bar_mapped};
	static struct pci_dev pin, msi, bridge;
	unsigned was, control;

	for (struct pci_dev *d = &pin; d; d = d == &pin ? &msi : NULL) {
		pci_dev_init(d, &vm, "pin", &ops, 0x8086, 0x100e, 0x020000, 0);
		pci_add_intx(d);
		d->slot = d == &pin ? 5 : 9;
		if (d == &msi && pci_add_msi(d))
			abort();
		pci_plug(&vm.pci, d, false);
	}
	pci_dev_init(&bridge, &vm, "lpc", &ops, 0x8086, 0x2918, 0x060100, 2);
	bridge.slot = PCI_LPC_SLOT;
	memset(&bridge.config[0x60], 0x80, 12);
	memset(&bridge.wmask[0x60], 0xff, 12);
	pci_plug(&vm.pci, &bridge, false);
	ok(config(5, 0x3d, 1) == 1 && config(9, 0x3d, 1) == 1, "their pins are INTA");
	pci_irq(&pin, true);
	ok(lines == 1U << 21 && config(5, 6, 2) & 8, "a pin is a line of the IO-APIC, and shows in the status");
	pci_irq(&msi, true);
	pci_irq(&pin, false);
	ok(lines == 1U << 21 && !(config(5, 6, 2) & 8), "a line that another shares stays");
	set_config(PCI_LPC_SLOT, 0x69, 11, 1);
	ok(lines == (1U << 21 | 1U << 11), "routed, it is one of the PICs', too");
	set_config(PCI_LPC_SLOT, 0x69, 9, 1);
	ok(lines == 1U << 21, "but never the SCI's");
	set_config(9, COMMAND, 0x400, 2);
	ok(!lines, "a device may be kept from its pin");
	set_config(9, COMMAND, 0, 2);
	control = msi.msi_cap + 2;
	set_config(9, msi.msi_cap + 4, 0xfee00000, 4);
	set_config(9, msi.msi_cap + 12, 0x55, 2);
	was = armed;
	set_config(9, control, 1, 2);
	ok(!lines && armed == was + 1 && msi.msi.data == 0x55, "with MSI the pin rests");
	set_config(9, control, 0, 2);
	ok(lines == 1U << 21 && armed == was, "and without is what it was");
	pci_reset(&vm.pci);
	ok(!lines && !(config(9, 6, 2) & 8), "a reset takes the levels");
	pci_unplug(&vm.pci, &pin);
	pci_unplug(&vm.pci, &msi);
	pci_unplug(&vm.pci, &bridge);
}

int
main(void)
{
	make();
	test_bars();
	test_ports_and_rom();
	test_msix();
	test_route_failure();
	test_reset();
	test_pins();
	pci_unplug(&vm.pci, &dev);
	ok(config(SLOT, 0, 4) == 0xffffffff && !dev.vectors, "unplugged it is gone");
	return tap_done();
}

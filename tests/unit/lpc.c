/* links: kvm-run/lpc.c kvm-run/i8042_none.c kvm-run/bus.c */
/* SPDX-License-Identifier: ISC */
/* Power management, hot-plug and reset registers, as a guest sees them. The rest of the machine is played here. */
#include <time.h>
#include <unistd.h>

#include "kvm-run/i8042.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vm.h"
#include "tests/unit/ports.h"

static struct vm vm;
static struct lpc lpc;
static bool sci;
static unsigned sci_changes;
static uint32_t ejected;

void
vm_end(struct vm *v, enum vm_end how)
{
	v->end = how;
}

void
vm_irq_line(struct vm *v, unsigned gsi, bool level)
{
	(void)v;
	if (gsi != LPC_SCI)
		return;
	sci = level;
	sci_changes++;
}

void
pci_dev_init(struct pci_dev *d, struct vm *v, const char *id, const struct pci_ops *ops, uint16_t vendor,
    uint16_t device, uint32_t class_code, uint8_t revision)
{
	(void)vendor, (void)device, (void)class_code, (void)revision;
	*d = (struct pci_dev){.id = id, .ops = ops, .vm = v, .slot = -1};
}

int
pci_plug(struct pci_bus *b, struct pci_dev *d, bool hot)
{
	(void)hot;
	b->slots[d->slot] = d;
	return d->slot;
}

static void
on_eject(struct vm *v, uint32_t slots)
{
	(void)v;
	ejected |= slots;
}

static bool
ended(enum vm_end how)
{
	bool did = vm.end == (int)how;

	vm.end = VM_RUNNING;
	return did;
}

static void
test_power_button(void)
{
	lpc_power_button(&lpc);
	ok(!sci, "the button alone raises no interrupt");
	PORT_STEPS(&vm.ports, {'r', 0x600, 2, 0x100, "button status"}, {'w', 0x602, 2, 0xffff, ""},
	    {'r', 0x602, 2, 0x4721, "enable bits that exist"});
	ok(sci, "enabled, it raises the SCI");
	PORT_STEPS(&vm.ports, {'w', 0x600, 2, 0x00ff, ""}, {'r', 0x600, 2, 0x100, "other bits do not clear it"},
	    {'w', 0x601, 1, 0x01, ""}, {'r', 0x600, 2, 0, "a one in its byte does"});
	ok(!sci, "cleared, it drops the SCI");
	lpc_power_button(&lpc);
	ok(sci, "pressed again");
	PORT_STEPS(&vm.ports, {'w', 0x603, 1, 0, ""}, {'r', 0x602, 2, 0x21, "enable's low byte stays"});
	ok(!sci, "disabled, it drops the SCI");
	ok(sci_changes == 4, "the line moved %u times, want 4", sci_changes);
}

static void
test_power_off(void)
{
	PORT_STEPS(&vm.ports, {'r', 0x604, 2, 0x0001, "always in ACPI mode"}, {'w', 0x604, 2, 5 << 10, ""},
	    {'r', 0x604, 2, 5 << 10 | 1, "sleep type is kept"});
	ok(ended(VM_RUNNING), "a sleep type alone is nothing");
	PORT_STEPS(&vm.ports, {'w', 0x604, 2, 3 << 10 | 1 << 13, ""});
	ok(ended(VM_RUNNING), "another sleep state is nothing");
	PORT_STEPS(&vm.ports, {'w', 0x604, 2, 5 << 10 | 1 << 13, ""});
	ok(ended(VM_POWEROFF), "S5 ends the guest");
	PORT_STEPS(&vm.ports, {'r', 0x604, 2, 5 << 10 | 1, "SLP_EN reads 0"}, {'w', 0x605, 1, 0x34, ""});
	ok(ended(VM_POWEROFF), "S5 by its byte too");
	PORT_STEPS(&vm.ports, {'w', 0x604, 4, 5 << 10 | 1 << 13, ""});
	ok(ended(VM_POWEROFF), "and by a dword");
}

static uint64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The rate, between the bounds that the clock around the two reads gives. */
static void
test_timer(void)
{
	uint64_t a = now(), b, c, d;
	uint32_t first = port_read(&vm.ports, 0x608, 4), ticks;

	b = now();
	usleep(20000);
	c = now();
	ticks = port_read(&vm.ports, 0x608, 4) - first;
	d = now();
	ok(ticks + 1 >= (c - b) * 3579545 / 1000000000 && ticks <= (d - a) * 3579545 / 1000000000 + 1,
	    "%u ticks in %llu to %llu ns", ticks, (unsigned long long)(c - b), (unsigned long long)(d - a));
	lpc.timer_start = now() - 1300ULL * 1000000000;
	ok(port_read(&vm.ports, 0x608, 4) - (uint32_t)(1300ULL * 3579545) < 3579545, "the timer wraps at 32 bits");
}

static void
test_hotplug(void)
{
	vm.pci.hot_slots = 0x0e;
	lpc.eject = on_eject;
	PORT_STEPS(&vm.ports, {'w', 0x628, 1, 0x02, ""});
	lpc_hotplug_notify(&lpc, 2, true);
	lpc_hotplug_notify(&lpc, 3, true);
	lpc_hotplug_notify(&lpc, 1, false);
	ok(sci, "an event on an enabled GPE raises the SCI");
	PORT_STEPS(&vm.ports, {'r', 0x620, 4, 0x02, "GPE status"}, {'r', 0xae00, 4, 0x0c, "up"},
	    {'r', 0xae04, 4, 0x02, "down"}, {'w', 0x620, 1, 0x02, ""}, {'w', 0xae00, 4, 0x04, ""},
	    {'r', 0xae00, 4, 0x08, "ones clear"}, {'r', 0xae00, 1, 0xff, "only dwords"});
	ok(!sci, "cleared");
	lpc_hotplug_notify(&lpc, 3, false);
	PORT_STEPS(&vm.ports, {'r', 0xae00, 4, 0, "wanted back before it was seen"},
	    {'r', 0xae04, 4, 0x0a, "so it is down"}, {'w', 0xae04, 4, 0xff, ""}, {'r', 0xae04, 4, 0, "all seen"});
	lpc_hotplug_notify(&lpc, 2, false);
	lpc_hotplug_notify(&lpc, 2, true);
	PORT_STEPS(&vm.ports, {'r', 0xae00, 4, 0x04, "another came before it was seen to go"},
	    {'r', 0xae04, 4, 0, "so nothing is wanted back"}, {'w', 0xae00, 4, 0x04, ""},
	    {'w', 0xae08, 4, 0x14, ""}, {'r', 0xae08, 4, 0xffffffff, "eject is write-only"});
	ok(ejected == 0x04, "only a hot slot can be ejected: %#x", ejected);
	lpc.eject = NULL;
	PORT_STEPS(&vm.ports, {'w', 0xae08, 4, 0x04, ""});
	ok(ejected == 0x04, "with nobody to tell, ejecting does nothing");
}

static void
reset_control(uint8_t v)
{
	lpc_reset_control(&vm, &v, true);
}

static void
test_reset(void)
{
	uint8_t v = 0xff;

	reset_control(0x02);
	ok(ended(VM_RUNNING), "cf9: the kind of reset alone is nothing");
	reset_control(0x06);
	ok(ended(VM_RESET), "cf9: RST_CPU rises");
	reset_control(0x0e);
	ok(ended(VM_RUNNING), "cf9: and must fall before it rises again");
	lpc_reset_control(&vm, &v, false);
	ok(v == 0x0e, "cf9 reads back %#x", v);
	PORT_STEPS(&vm.ports, {'r', 0x92, 1, 0x02, "A20 is open"}, {'w', 0x92, 1, 0x00, ""},
	    {'r', 0x92, 1, 0x00, "port 92 is stored"});
	ok(ended(VM_RUNNING), "port 92 without bit 0");
	PORT_STEPS(&vm.ports, {'w', 0x92, 1, 0x03, ""});
	ok(ended(VM_RESET), "port 92 with bit 0");
	PORT_STEPS(&vm.ports, {'r', 0x64, 1, 0, "no keyboard: buffers empty"}, {'r', 0x60, 1, 0, "no keyboard: no data"},
	    {'w', 0x64, 1, 0xf0, ""}, {'w', 0x60, 1, 0xfe, ""});
	ok(ended(VM_RUNNING), "other commands are nothing");
	PORT_STEPS(&vm.ports, {'w', 0x64, 1, 0xfe, ""});
	ok(ended(VM_RESET), "the keyboard controller's reset pulse");
}

static void
test_power_on_state(void)
{
	PORT_STEPS(&vm.ports, {'w', 0x602, 2, 0x100, ""}, {'w', 0x62f, 1, 0x80, ""});
	lpc_power_button(&lpc);
	lpc_hotplug_notify(&lpc, 5, true);
	lpc_reset(&lpc);
	ok(!sci, "reset drops the SCI");
	PORT_STEPS(&vm.ports, {'r', 0x600, 4, 0, "PM1 after reset"}, {'r', 0x604, 4, 1, "control after reset"},
	    {'r', 0x620, 4, 0, "GPE after reset"}, {'r', 0x62c, 4, 0, "GPE enable after reset"},
	    {'r', 0xae00, 4, 0, "slots after reset"}, {'r', 0x92, 1, 0x02, "port 92 after reset"},
	    {'r', 0x610, 4, 0, "the rest of the block"}, {'r', 0x630, 4, 0x20, "SMIs look set up"});
	ok(port_read(&vm.ports, 0x608, 4) < 3579545, "the timer starts at 0");
}

int
main(void)
{
	vm.end = VM_RUNNING;
	lpc_init(&lpc, &vm);
	i8042_none(&vm);
	ok(vm.lpc == &lpc && vm.pci.slots[31] == &lpc.pci, "it is at 00:1f.0");
	test_power_button();
	test_power_off();
	test_timer();
	test_hotplug();
	test_reset();
	test_power_on_state();
	return tap_done();
}

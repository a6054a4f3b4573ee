/* SPDX-License-Identifier: ISC */
/*
 * ICH9 LPC bridge: ACPI's fixed hardware (ACPI 6.5, 4.8.3), hot-plug registers, reset ports. The bridge's own registers
 * are stored and mean nothing: the blocks stay where the tables say, ACPI mode is always on, no SMI exists.
 */
#include <string.h>
#include <time.h>

#include "kvm-run/lpc.h"
#include "kvm-run/vm.h"

/* ACPI 6.5, tables 4.12 to 4.14 */
#define PM1_PWRBTN 0x0100 /* status and enable */
#define PM1_ENABLE_BITS 0x4721
#define PM1_SCI_EN 0x0001
#define PM1_CONTROL_BITS 0x1c03 /* SLP_TYP, BM_RLD, SCI_EN; GBL_RLS and SLP_EN read as 0 */
#define PM1_SLP_EN 0x2000
#define PM1_SLP_TYP(v) ((v) >> 10 & 7)

/* ICH9, 13.8.3.6: set as if firmware had set up its system management mode already, so that none does and waits for it. */
#define SMI_ENABLE 0x30
#define SMI_APMC 0x20

#define PM_TIMER_HZ 3579545
#define NS_PER_S 1000000000

#define RST_CPU 0x04 /* of the reset control register */
#define PORT92 0x92
#define PORT92_RESET 0x01
#define PORT92_A20 0x02

#define PIRQ_LINES \
	(LPC_PIRQ_LINE(0) | LPC_PIRQ_LINE(1) << 8 | LPC_PIRQ_LINE(2) << 16 | LPC_PIRQ_LINE(3) << 24)

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint32_t
timer_value(const struct lpc *l)
{
	return (uint32_t)((unsigned __int128)(now_ns() - l->timer_start) * PM_TIMER_HZ / NS_PER_S);
}

static void
update_sci(struct lpc *l)
{
	bool level = l->pm1_status & l->pm1_enable;

	for (unsigned i = 0; i < LPC_GPE0_BYTES; i++)
		level |= (l->gpe_status[i] & l->gpe_enable[i]) != 0;
	if (level == l->sci)
		return;
	l->sci = level;
	vm_irq_line(l->pci.vm, LPC_SCI, level);
}

static uint8_t
byte_of(uint32_t v, uint64_t n)
{
	return (uint8_t)(v >> 8 * n);
}

static void
set_byte(uint16_t *v, uint64_t n, uint8_t byte, uint16_t writable)
{
	uint16_t mask = (uint16_t)(0xff << 8 * n) & writable;

	*v = (uint16_t)((*v & ~mask) | ((uint16_t)(byte << 8 * n) & mask));
}

static uint8_t
pm_read(const struct lpc *l, uint64_t off, uint32_t timer)
{
	switch (off) {
	case LPC_PM1_EVENT ... LPC_PM1_EVENT + 1:
		return byte_of(l->pm1_status, off);
	case LPC_PM1_EVENT + 2 ... LPC_PM1_EVENT + 3:
		return byte_of(l->pm1_enable, off - 2);
	case LPC_PM1_CONTROL ... LPC_PM1_CONTROL + 1:
		return byte_of(l->pm1_control | PM1_SCI_EN, off - LPC_PM1_CONTROL);
	case LPC_PM_TIMER ... LPC_PM_TIMER + 3:
		return byte_of(timer, off - LPC_PM_TIMER);
	case SMI_ENABLE:
		return SMI_APMC;
	case LPC_GPE0 ... LPC_GPE0 + LPC_GPE0_BYTES - 1:
		return l->gpe_status[off - LPC_GPE0];
	case LPC_GPE0 + LPC_GPE0_BYTES ... LPC_GPE0 + 2 * LPC_GPE0_BYTES - 1:
		return l->gpe_enable[off - LPC_GPE0 - LPC_GPE0_BYTES];
	default:
		return 0;
	}
}

/* Status bits are cleared by writing ones. */
static void
pm_write(struct lpc *l, uint64_t off, uint8_t v)
{
	switch (off) {
	case LPC_PM1_EVENT ... LPC_PM1_EVENT + 1:
		l->pm1_status &= (uint16_t)~(v << 8 * off);
		break;
	case LPC_PM1_EVENT + 2 ... LPC_PM1_EVENT + 3:
		set_byte(&l->pm1_enable, off - 2, v, PM1_ENABLE_BITS);
		break;
	case LPC_PM1_CONTROL ... LPC_PM1_CONTROL + 1:
		set_byte(&l->pm1_control, off - LPC_PM1_CONTROL, v, PM1_CONTROL_BITS);
		break;
	case LPC_GPE0 ... LPC_GPE0 + LPC_GPE0_BYTES - 1:
		l->gpe_status[off - LPC_GPE0] &= (uint8_t)~v;
		break;
	case LPC_GPE0 + LPC_GPE0_BYTES ... LPC_GPE0 + 2 * LPC_GPE0_BYTES - 1:
		l->gpe_enable[off - LPC_GPE0 - LPC_GPE0_BYTES] = v;
		break;
	}
}

/* SLP_EN in the byte at off + i of a write. */
static bool
sleep_now(uint64_t off, const uint8_t *bytes, unsigned len)
{
	uint64_t high = LPC_PM1_CONTROL + 1;

	return off <= high && high - off < len && (bytes[high - off] & PM1_SLP_EN >> 8);
}

/* The widths in which a guest may access a register differ from register to register; taking bytes allows all. */
static void
pm_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct lpc *l = dev;
	uint8_t *bytes = data;
	uint32_t timer = timer_value(l);
	bool off_now = false;

	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < len; i++) {
		if (write)
			pm_write(l, off + i, bytes[i]);
		else
			bytes[i] = pm_read(l, off + i, timer);
	}
	if (write) {
		update_sci(l);
		off_now = sleep_now(off, bytes, len) && PM1_SLP_TYP(l->pm1_control) == LPC_SLEEP_OFF;
	}
	pthread_mutex_unlock(&l->lock);
	if (off_now)
		vm_end(l->pci.vm, VM_POWEROFF);
}

static void
hotplug_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct lpc *l = dev;
	uint32_t *reg = off == 0 ? &l->slots_up : &l->slots_down;
	uint32_t v = 0;

	if (len != 4 || off % 4) /* our own AML uses dwords */
		return;
	memcpy(&v, data, 4);
	if (off == 8) {
		if (write && l->eject && (v & l->pci.vm->pci.hot_slots))
			l->eject(l->pci.vm, v & l->pci.vm->pci.hot_slots);
		return;
	}
	pthread_mutex_lock(&l->lock);
	if (write)
		*reg &= ~v;
	else
		memcpy(data, reg, 4);
	pthread_mutex_unlock(&l->lock);
}

void
lpc_reset_control(struct vm *vm, void *data, bool write)
{
	struct lpc *l = vm->lpc;
	uint8_t v = *(uint8_t *)data;
	bool reset;

	pthread_mutex_lock(&l->lock);
	reset = write && (v & RST_CPU) && !(l->reset_control & RST_CPU);
	if (write)
		l->reset_control = v & 0x0e; /* ICH9, 13.7.5 */
	else
		*(uint8_t *)data = l->reset_control;
	pthread_mutex_unlock(&l->lock);
	if (reset)
		vm_end(vm, VM_RESET);
}

/* A20 is always open, whatever bit 1 says. */
static void
port92_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct lpc *l = dev;
	uint8_t v = *(uint8_t *)data;
	bool reset;

	(void)off, (void)len;
	pthread_mutex_lock(&l->lock);
	reset = write && (v & PORT92_RESET) && !(l->port92 & PORT92_RESET);
	if (write)
		l->port92 = v;
	else
		*(uint8_t *)data = l->port92;
	pthread_mutex_unlock(&l->lock);
	if (reset)
		vm_end(l->pci.vm, VM_RESET);
}

void
lpc_power_button(struct lpc *l)
{
	pthread_mutex_lock(&l->lock);
	l->pm1_status |= PM1_PWRBTN;
	update_sci(l);
	pthread_mutex_unlock(&l->lock);
}

/* l->lock held. */
static void
set_event(struct lpc *l, unsigned gpe)
{
	l->gpe_status[gpe / 8] |= (uint8_t)(1 << gpe % 8);
	update_sci(l);
}

void
lpc_event(struct lpc *l, unsigned gpe)
{
	pthread_mutex_lock(&l->lock);
	set_event(l, gpe);
	pthread_mutex_unlock(&l->lock);
}

void
lpc_hotplug_notify(struct lpc *l, unsigned slot, bool add)
{
	uint32_t bit = 1U << slot;

	pthread_mutex_lock(&l->lock);
	l->slots_up = add ? l->slots_up | bit : l->slots_up & ~bit;
	l->slots_down = add ? l->slots_down & ~bit : l->slots_down | bit;
	set_event(l, LPC_GPE_HOTPLUG);
	pthread_mutex_unlock(&l->lock);
}

void
lpc_reset(struct lpc *l)
{
	pthread_mutex_lock(&l->lock);
	l->pm1_status = l->pm1_enable = l->pm1_control = 0;
	memset(l->gpe_status, 0, sizeof(l->gpe_status));
	memset(l->gpe_enable, 0, sizeof(l->gpe_enable));
	l->slots_up = l->slots_down = 0;
	l->reset_control = 0;
	l->port92 = PORT92_A20;
	l->timer_start = now_ns();
	update_sci(l);
	pthread_mutex_unlock(&l->lock);
}

/* Registers of ICH9, 13.1, that firmware and Linux's quirks read and write. */
static void
init_config(struct pci_dev *d)
{
	static const struct {
		uint8_t reg, len;
		uint32_t value;
	} regs[] = {
		{0x40, 4, LPC_PM_BASE | 1}, /* PMBASE: an I/O address */
		{0x44, 1, 0x80},	    /* ACPI_CNTL: decoded, SCI on IRQ 9 */
		{0x60, 4, PIRQ_LINES},	    /* PIRQA-D */
		{0x68, 4, PIRQ_LINES},	    /* PIRQE-H */
		{0xf0, 4, 0},		    /* RCBA: not decoded */
	};

	for (unsigned i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		memcpy(&d->config[regs[i].reg], &regs[i].value, regs[i].len);
		memset(&d->wmask[regs[i].reg], 0xff, regs[i].len);
	}
}

void
lpc_init(struct lpc *l, struct vm *vm)
{
	static const struct pci_ops ops = {0};

	*l = (struct lpc){0};
	pthread_mutex_init(&l->lock, NULL);
	pci_dev_init(&l->pci, vm, "lpc", &ops, 0x8086, 0x2918, 0x060100, 2);
	init_config(&l->pci);
	l->pci.slot = PCI_LPC_SLOT;
	pci_plug(&vm->pci, &l->pci, false);
	vm->lpc = l;
	lpc_reset(l);
	bus_add(&vm->ports, LPC_PM_BASE, LPC_PM_SIZE, pm_access, l);
	bus_add(&vm->ports, LPC_HOTPLUG_BASE, LPC_HOTPLUG_SIZE, hotplug_access, l);
	bus_add(&vm->ports, PORT92, 1, port92_access, l);
}

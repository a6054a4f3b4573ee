/* SPDX-License-Identifier: ISC */
/* Interrupt routes; the contracts are in irq.h. */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "common/util.h"
#include "kvm-run/irq.h"
#include "kvm-run/vm.h"

/* Three pages and one that KVM needs on Intel hosts: below the largest firmware's place, where no BAR can be. */
#define TSS_ADDR 0xfeffd000UL
#define IDENTITY_MAP_ADDR 0xfeffc000ULL

#define PINS 24
#define GSI_MAX 1024
#define ROUTES_MAX (2 * PINS + GSI_MAX)

static void
add_pin(struct kvm_irq_routing *r, uint32_t gsi, uint32_t chip, uint32_t pin)
{
	struct kvm_irq_routing_entry *e = &r->entries[r->nr++];

	*e = (struct kvm_irq_routing_entry){.gsi = gsi, .type = KVM_IRQ_ROUTING_IRQCHIP};
	e->u.irqchip.irqchip = chip;
	e->u.irqchip.pin = pin;
}

static const char *
set_pin_routes(struct vm *vm)
{
	struct kvm_irq_routing *r = calloc(1, sizeof(*r) + ROUTES_MAX * sizeof(r->entries[0]));

	if (!r)
		return "interrupt routes";
	pthread_mutex_init(&vm->route_lock, NULL);
	vm->routes = r;
	for (uint32_t gsi = 0; gsi < PINS; gsi++) {
		if (gsi < 16 && gsi != 2) /* pin 2 of the master is the cascade */
			add_pin(r, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi % 8);
		/* The timer's line is on IO-APIC pin 2, as on every PC; the MADT's override says so. */
		if (gsi != 2)
			add_pin(r, gsi, KVM_IRQCHIP_IOAPIC, gsi ? gsi : 2);
	}
	return ioctl(vm->fd, KVM_SET_GSI_ROUTING, r) < 0 ? "KVM_SET_GSI_ROUTING" : NULL;
}

/* What KVM can give and take of its interrupt controllers. */
struct irqchip_state {
	struct kvm_irqchip chips[3];
	struct kvm_pit_state2 pit;
};

static const char *
save_irqchip(struct vm *vm)
{
	struct irqchip_state *s = calloc(1, sizeof(*s));

	if (!s)
		return "interrupt controllers";
	vm->irqchip = s;
	for (uint32_t i = 0; i < ARRAY_LEN(s->chips); i++) {
		s->chips[i].chip_id = i; /* KVM_IRQCHIP_PIC_MASTER, _SLAVE, _IOAPIC */
		if (ioctl(vm->fd, KVM_GET_IRQCHIP, &s->chips[i]) < 0)
			return "KVM_GET_IRQCHIP";
	}
	return ioctl(vm->fd, KVM_GET_PIT2, &s->pit) < 0 ? "KVM_GET_PIT2" : NULL;
}

const char *
irqchip_create(struct vm *vm)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY}; /* port 0x61 comes with it */
	uint64_t identity = IDENTITY_MAP_ADDR;
	const char *what;

	if (ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDR) < 0)
		return "KVM_SET_TSS_ADDR";
	if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity) < 0)
		return "KVM_SET_IDENTITY_MAP_ADDR";
	if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		return "KVM_CREATE_IRQCHIP";
	if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit) < 0)
		return "KVM_CREATE_PIT2";
	what = set_pin_routes(vm);
	return what ? what : save_irqchip(vm);
}

void
irqchip_reset(struct vm *vm)
{
	struct irqchip_state *s = vm->irqchip;

	for (uint32_t i = 0; i < ARRAY_LEN(s->chips); i++)
		ioctl(vm->fd, KVM_SET_IRQCHIP, &s->chips[i]);
	ioctl(vm->fd, KVM_SET_PIT2, &s->pit);
}

int
irq_msi_alloc(struct vm *vm)
{
	int gsi = -ENOSPC;

	pthread_mutex_lock(&vm->route_lock);
	for (int i = PINS; i < GSI_MAX && gsi < 0; i++) {
		if (vm->gsi_used[i / 64] & (1ULL << i % 64))
			continue;
		vm->gsi_used[i / 64] |= 1ULL << i % 64;
		gsi = i;
	}
	pthread_mutex_unlock(&vm->route_lock);
	return gsi;
}

static struct kvm_irq_routing_entry *
find_msi(struct kvm_irq_routing *r, uint32_t gsi)
{
	for (uint32_t i = 0; i < r->nr; i++)
		if (r->entries[i].gsi == gsi && r->entries[i].type == KVM_IRQ_ROUTING_MSI)
			return &r->entries[i];
	return NULL;
}

void
irq_msi_free(struct vm *vm, uint32_t gsi)
{
	struct kvm_irq_routing_entry *e;

	pthread_mutex_lock(&vm->route_lock);
	vm->gsi_used[gsi / 64] &= ~(1ULL << gsi % 64);
	e = find_msi(vm->routes, gsi);
	if (e) /* the kernel forgets it with the next change; nothing can reach it meanwhile */
		*e = vm->routes->entries[--vm->routes->nr];
	pthread_mutex_unlock(&vm->route_lock);
}

/* Tells the kernel of the route when it is new or changed: each change makes it wait for all vCPUs. route_lock held. */
static int
set_route(struct vm *vm, uint32_t gsi, uint64_t addr, uint32_t data)
{
	struct kvm_irq_routing *r = vm->routes;
	struct kvm_irq_routing_entry *e = find_msi(r, gsi);
	uint32_t lo = (uint32_t)addr, hi = (uint32_t)(addr >> 32);

	if (e && e->u.msi.address_lo == lo && e->u.msi.address_hi == hi && e->u.msi.data == data)
		return 0;
	if (!e)
		e = &r->entries[r->nr++];
	*e = (struct kvm_irq_routing_entry){.gsi = gsi, .type = KVM_IRQ_ROUTING_MSI};
	e->u.msi.address_lo = lo;
	e->u.msi.address_hi = hi;
	e->u.msi.data = data;
	if (ioctl(vm->fd, KVM_SET_GSI_ROUTING, r) == 0)
		return 0;
	*e = r->entries[--r->nr]; /* it would spoil every later change, and look as if the kernel knew it */
	return -errno;
}

static int
set_irqfd(struct vm *vm, uint32_t gsi, int fd, uint32_t flags)
{
	struct kvm_irqfd irqfd = {.fd = (uint32_t)fd, .gsi = gsi, .flags = flags};

	return ioctl(vm->fd, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

int
irq_msi_arm(struct vm *vm, uint32_t gsi, int fd, uint64_t addr, uint32_t data)
{
	int err;

	pthread_mutex_lock(&vm->route_lock);
	err = set_route(vm, gsi, addr, data);
	pthread_mutex_unlock(&vm->route_lock);
	return err ? err : set_irqfd(vm, gsi, fd, 0);
}

void
irq_msi_disarm(struct vm *vm, uint32_t gsi, int fd)
{
	set_irqfd(vm, gsi, fd, KVM_IRQFD_FLAG_DEASSIGN);
}

int
irq_pin_level(struct vm *vm, uint32_t gsi, int fd, int handled, bool on)
{
	struct kvm_irqfd irqfd = {.fd = (uint32_t)fd, .gsi = gsi, .resamplefd = (uint32_t)handled,
	    .flags = on ? KVM_IRQFD_FLAG_RESAMPLE : KVM_IRQFD_FLAG_DEASSIGN};

	return ioctl(vm->fd, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

void
vm_irq_line(struct vm *vm, unsigned gsi, bool level)
{
	struct kvm_irq_level l = {.irq = gsi, .level = level};

	ioctl(vm->fd, KVM_IRQ_LINE, &l); /* fails only for a GSI that does not exist */
}

/* SPDX-License-Identifier: ISC */
/* Building the machine; the contracts are in vm_setup.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "common/diag.h"
#include "common/util.h"
#include "kvm-run/acpi.h"
#include "kvm-run/ahci.h"
#include "kvm-run/boot.h"
#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl.h"
#include "kvm-run/debugport.h"
#include "kvm-run/e1000.h"
#include "kvm-run/firmware.h"
#include "kvm-run/i8042.h"
#include "kvm-run/input.h"
#include "kvm-run/irq.h"
#include "kvm-run/lpc.h"
#include "kvm-run/memory.h"
#include "kvm-run/rtc.h"
#include "kvm-run/serial.h"
#include "kvm-run/iothread.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vfio.h"
#include "kvm-run/vga.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_balloon.h"
#include "kvm-run/virtio_blk.h"
#include "kvm-run/virtio_console.h"
#include "kvm-run/virtio_gpu.h"
#include "kvm-run/virtio_mem.h"
#include "kvm-run/virtio_net.h"
#include "kvm-run/virtio_rng.h"
#include "kvm-run/vm_setup.h"
#include "kvm-run/wiring.h"

#define APIC_ID_MAX 254 /* xAPIC: 255 is everyone; the IO-APIC's entries hold no more either */

static void
open_kvm(struct vm *vm)
{
	int version;

	vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm_fd < 0)
		die_sys("/dev/kvm");
	version = ioctl(vm->kvm_fd, KVM_GET_API_VERSION, 0);
	if (version < 0) /* some other device */
		die_sys("/dev/kvm: KVM_GET_API_VERSION");
	if (version != KVM_API_VERSION)
		die("/dev/kvm: unknown version of the KVM interface");
	vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		die_sys("KVM_CREATE_VM");
}

static void
check_kvm(struct vm *vm)
{
	static const struct {
		long cap;
		const char *name;
	} needed[] = {
		{KVM_CAP_IRQCHIP, "irqchip"}, {KVM_CAP_PIT2, "pit2"}, {KVM_CAP_IRQ_ROUTING, "irq_routing"},
		{KVM_CAP_IRQFD, "irqfd"}, {KVM_CAP_IOEVENTFD, "ioeventfd"}, {KVM_CAP_IMMEDIATE_EXIT, "immediate_exit"},
	};

	for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
		int has = ioctl(vm->fd, KVM_CHECK_EXTENSION, needed[i].cap);

		if (has < 0)
			die_sys("KVM_CHECK_EXTENSION");
		if (!has)
			die("/dev/kvm: this kernel's KVM has no %s", needed[i].name);
	}
}

/* Ids have gaps where cores or threads are no power of two, so that they end sooner than the vCPUs. */
static void
check_cpus(struct vm *vm)
{
	const struct topology *t = &vm->opt.cpus;
	uint32_t last = topology_apic_id(t, t->max - 1);
	int max = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);

	if (max < 1)
		max = 4; /* what the KVM API says of kernels that do not tell */
	if (t->max > (unsigned)max)
		die_usage("-c %u: KVM takes at most %d vCPUs here", t->max, max);
	if (last > APIC_ID_MAX)
		die_usage("-c %u: APIC ids end at %d, those of %u sockets of %u cores of %u threads at %u", t->max, APIC_ID_MAX,
		    t->sockets, t->cores, t->threads, last);
}

static int
wire_fd(const struct vm *vm, enum wire_kind kind)
{
	const struct wire *w = wires_first(&vm->wires, kind);

	return w ? w->fds[0] : -1;
}

void
vm_acquire(struct vm *vm)
{
	int err = loop_init(&vm->loop);
	const char *what;
	char why[96];

	vm->end = VM_RUNNING;
	vm->nvcpus = vm->opt.cpus.cpus;
	vm->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (err || vm->end_fd < 0)
		die_sys("event loop");
	pthread_mutex_init(&vm->gate.lock, NULL);
	pthread_cond_init(&vm->gate.changed, NULL);
	open_kvm(vm);
	check_kvm(vm);
	check_cpus(vm);
	what = irqchip_create(vm);
	if (what)
		die_sys("%s", what);
	memory_create(vm);
	vfio_raise_limits(vm);
	what = numa_init(&vm->numa, &vm->opt.memory, &vm->opt.cpus, &vm->mem, why, sizeof(why));
	if (what)
		die_usage("-m: %s", what);
	vm->opt.cpus.split = numa_split(&vm->numa, &vm->opt.cpus);
}

/* OpenFirmware's device paths, as SeaBIOS and OVMF read them. */
static void
name_for_boot(struct vm_device *d)
{
	unsigned slot = (unsigned)vm_device_pci(d)->slot;

	if (d->ata)
		snprintf(d->boot_path, sizeof(d->boot_path), "/pci@i0cf8/pci8086,2922@%x/drive@%x/disk@0", slot, ahci_index(d->ata));
	else if (d->kind == WIRE_BLK)
		snprintf(d->boot_path, sizeof(d->boot_path), "/pci@i0cf8/scsi@%x/disk@0,0", slot);
	else if (d->kind == WIRE_NET)
		snprintf(d->boot_path, sizeof(d->boot_path), "/pci@i0cf8/ethernet@%x/ethernet-phy@0", slot);
}

const char *
vm_add_device(struct vm *vm, const struct wire *w, bool hot, char *why, size_t size)
{
	struct vm_device *d = &vm->devices[vm->ndevices];
	const char *reason = NULL;

	if (vm_find_device(vm, w->id))
		return "this id is a device's of the board";

	*d = (struct vm_device){.kind = w->kind, .hot = hot};
	memcpy(d->id, w->id, sizeof(d->id));
	if (w->kind == WIRE_NET && e1000_wanted(w))
		reason = e1000_create(vm, w, hot, d, why, size);
	else if (w->kind == WIRE_NET)
		reason = net_create(vm, w, hot, &d->virtio, why, size);
	else if (w->kind == WIRE_BLK && ahci_wanted(w))
		reason = hot ? "only virtio disks can be plugged in" : ahci_create(vm, w, d, why, size);
	else if (w->kind == WIRE_BLK)
		reason = blk_create(vm, w, hot, &d->virtio, why, size);
	else if (w->kind == WIRE_CON)
		reason = console_create(vm, w, hot, &d->virtio, why, size);
	else if (w->kind == WIRE_PCI)
		reason = vfio_create(vm, w, hot, d, why, size);
	else if (!hot && wiring_is_vga(w))
		reason = vga_create(vm, w, d);
	else if (!hot && w->kind == WIRE_FB)
		reason = gpu_create(vm, w, &d->virtio, why, size);
	else if (hot)
		reason = "only net, blk and pci wires can be plugged in";
	if (reason || !vm_device_pci(d))
		return reason;
	if (d->kind == WIRE_NET && d->virtio)
		d->net = net_of(d->virtio);
	name_for_boot(d);
	vm->ndevices++;
	return NULL;
}

/* The first con wire is COM1, unless it asks for virtio; the others come with the other devices. */
static const struct wire *
serial_wire(const struct vm *vm)
{
	for (size_t i = 0; i < vm->wires.n; i++)
		if (vm->wires.v[i].kind == WIRE_CON && wiring_as(&vm->wires, &vm->wires.v[i]) == AS_SERIAL)
			return &vm->wires.v[i];
	return NULL;
}

static void
build_board(struct vm *vm)
{
	static struct lpc lpc;
	static struct rtc rtc;
	char why[128];
	int err;
	const char *reason;

	for (unsigned i = 0; i < vm->opt.hot_slots; i++)
		vm->pci.hot_slots |= 1U << (PCI_LPC_SLOT - 1 - i);
	pci_init(&vm->pci, vm);
	lpc_init(&lpc, vm);
	err = cpuhp_init(vm);
	if (err < 0)
		die("hot-plug of vCPUs: %s", strerror(-err));
	err = rtc_init(&rtc, vm);
	if (err < 0)
		die("clock: %s", strerror(-err));
	if (wires_first(&vm->wires, WIRE_FB)) {
		reason = input_create(vm, why, sizeof(why));
		if (reason)
			die("input: %s", reason);
	} else {
		i8042_none(vm);
	}
	reason = serial_create(&vm->serial, vm, serial_wire(vm), why, sizeof(why));
	if (reason)
		die("serial port: %s", reason);
	reason = debugport_create(vm);
	if (reason)
		die("debug port: %s", reason);
}

/* Devices that no wire asks for. They come last, so that the others have the PCI addresses that they would have without. */
static void
add_of_board(struct vm *vm, const char *id, struct virtio_dev **at,
    const char *(*create)(struct vm *vm, struct virtio_dev **out, char *why, size_t size))
{
	struct vm_device *d = &vm->devices[vm->ndevices];
	const char *reason;
	char why[128];

	if (vm_find_device(vm, id))
		die_usage("%s: this id is a device's of the board", id);
	reason = create(vm, at, why, sizeof(why));
	if (reason)
		die("%s: %s", id, reason);
	*d = (struct vm_device){.virtio = *at};
	snprintf(d->id, sizeof(d->id), "%s", id);
	vm->ndevices++;
}

static void
build_devices(struct vm *vm)
{
	const struct wire *console = serial_wire(vm);
	static struct iothread io;
	const char *reason;
	char why[256];

	if (iothread_start(&io, "io") < 0)
		die_sys("io thread");
	vm->io = &io;
	reason = rng_create(vm, &vm->devices[0].virtio, why, sizeof(why));
	if (reason)
		die("rng: %s", reason);
	memcpy(vm->devices[0].id, "rng", 4);
	vm->ndevices = 1;
	reason = vm->input ? input_add_devices(vm, why, sizeof(why)) : NULL;
	if (reason)
		die("input: %s", reason);
	net_init(vm);
	for (size_t i = 0; i < vm->wires.n; i++) {
		const struct wire *w = &vm->wires.v[i];

		if (w == console)
			continue;
		reason = vm_add_device(vm, w, false, why, sizeof(why));
		if (reason)
			die("%s: %s", w->id, reason);
	}
	if (vm->opt.memory.balloon != BALLOON_OFF && pci_room(&vm->pci))
		add_of_board(vm, "balloon", &vm->balloon, balloon_create);
	if (vm->mem.hot.size)
		add_of_board(vm, "mem", &vm->memdev, virtio_mem_create);
	reason = ctl_create(vm, why, sizeof(why));
	if (reason)
		die("%s", reason);
}

void
vm_build(struct vm *vm)
{
	char text[256];
	const char *what;

	build_board(vm);
	build_devices(vm);
	what = firmware_create(vm, text, sizeof(text));
	if (what)
		die("%s", what);
	what = vcpus_create(vm);
	if (what)
		die_sys("%s", what);
	what = vm_load(vm, text, sizeof(text));
	if (!what)
		what = vfio_dma_map(vm, text, sizeof(text));
	if (what)
		die("%s", what);
}

const char *
vm_load(struct vm *vm, char *why, size_t size)
{
	struct boot_images images = {.kern_fd = wire_fd(vm, WIRE_KERN), .init_fd = wire_fd(vm, WIRE_INIT),
	    .cmdline = vm->opt.cmdline, .vga = vm->vga};
	struct boot_entry entry;
	const char *reason;

	if (vm->firmware)
		return firmware_load(vm);
	images.rsdp = acpi_install(vm);
	if (!images.rsdp)
		return "ACPI tables do not fit";
	reason = boot_load(&vm->mem, &images, &entry, why, size);
	if (!reason)
		vcpus_set_entry(vm, &entry);
	return reason;
}

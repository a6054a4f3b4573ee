/* SPDX-License-Identifier: ISC */
/*
 * An assigned device without a device: its file is a memory file whose regions a test fills in, and ioctl(2) plays VFIO, the
 * IOMMU and KVM. What must never be is checked at each call: memory slots outside PCI's windows, or of the MSI-X table's page;
 * the IOMMU shown anything but RAM.
 */
#ifndef TESTS_UNIT_VFIO_RIG_H
#define TESTS_UNIT_VFIO_RIG_H

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "kvm-run/hotplug.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vfio.h"
#include "kvm-run/vfio_dev.h"
#include "tests/unit/thread_stub.h"

#define RIG_RAM (4ULL << 20)
#define RIG_REGION (1ULL << 20) /* each has that much of the file */
#define RIG_REGIONS 8
#define RIG_CONFIG VFIO_PCI_CONFIG_REGION_INDEX
#define RIG_FLAGS (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP)
#define RIG_SLOTS 1024
#define RIG_MAPS 16
#define RIG_GROUP_FD 1000 /* no descriptors: ioctl alone sees them */
#define RIG_CONTAINER_FD 1001
#define RIG_IRQS 5

static struct vm rig_vm;
static struct iothread rig_io;
static struct vm_device rig_device;
static int rig_fd; /* the device file */
static uint64_t rig_size[RIG_REGIONS];
static bool rig_no_mmap;
static struct {
	uint64_t gpa, size;
	uint8_t *at;
} rig_slots[RIG_SLOTS];
static struct {
	uint64_t iova, size;
} rig_maps[RIG_MAPS];
static int rig_irqs[RIG_IRQS]; /* eventfds of each of VFIO's interrupts */
static int rig_irqs_most;      /* that the host has, 0: any number */
static unsigned rig_resets, rig_pins, rig_groups;

void
lpc_reset_control(struct vm *v, void *data, bool write)
{
	(void)v, (void)data, (void)write;
}

const char *
hotplug_ask(struct vm *vm, const char *id, unsigned *slot)
{
	(void)vm, (void)id, (void)slot;
	return NULL;
}

static uint64_t
rig_offset(unsigned region)
{
	return region * RIG_REGION;
}

static int
rig_fail(int err)
{
	errno = err;
	return -1;
}

static int
rig_region_info(struct vfio_region_info *info)
{
	if (info->index >= RIG_REGIONS)
		return rig_fail(EINVAL);
	info->size = rig_size[info->index];
	info->offset = rig_offset(info->index);
	info->flags = rig_no_mmap || info->index >= PCI_ROM ? RIG_FLAGS & ~(uint32_t)VFIO_REGION_INFO_FLAG_MMAP : RIG_FLAGS;
	return 0;
}

static int
rig_set_irqs(const struct vfio_irq_set *s)
{
	if (s->index >= RIG_IRQS)
		abort();
	if (s->flags & VFIO_IRQ_SET_ACTION_UNMASK)
		return rig_irqs[s->index] ? 0 : rig_fail(EINVAL);
	if (rig_irqs_most && (int)s->count > rig_irqs_most)
		return rig_irqs_most;
	for (unsigned i = 0; i < 3 && s->index < 3; i++) /* the kernel has one of the three kinds at a time */
		if (i != s->index && rig_irqs[i] && s->count)
			abort();
	rig_irqs[s->index] = (int)s->count;
	return 0;
}

/* A device that is reset is silent before: it may be in the middle of something. */
static int
rig_reset(void)
{
	uint16_t command;

	if (pread(rig_fd, &command, sizeof(command), (off_t)rig_offset(RIG_CONFIG) + 4) != sizeof(command) || command & 4)
		abort();
	rig_resets++;
	return 0;
}

static int
rig_map(const struct vfio_iommu_type1_dma_map *m)
{
	unsigned free = RIG_MAPS;

	if (!guest_ptr(&rig_vm.mem, m->iova, m->size) || guest_ptr(&rig_vm.mem, m->iova, m->size) != (void *)(uintptr_t)m->vaddr)
		abort();
	for (unsigned i = 0; i < RIG_MAPS; i++) {
		if (rig_maps[i].size && m->iova < rig_maps[i].iova + rig_maps[i].size && rig_maps[i].iova < m->iova + m->size)
			return rig_fail(EEXIST);
		if (!rig_maps[i].size && free == RIG_MAPS)
			free = i;
	}
	if (free == RIG_MAPS)
		return rig_fail(ENOSPC);
	rig_maps[free].iova = m->iova;
	rig_maps[free].size = m->size;
	return 0;
}

static int
rig_unmap(const struct vfio_iommu_type1_dma_unmap *u)
{
	for (unsigned i = 0; i < RIG_MAPS; i++)
		if (rig_maps[i].iova >= u->iova && rig_maps[i].iova + rig_maps[i].size <= u->iova + u->size)
			rig_maps[i].size = 0;
	return 0;
}

/* Is it within one of the windows, and no page of MSI-X's? */
static void
rig_check_slot(const struct kvm_userspace_memory_region *r)
{
	uint64_t from = r->guest_phys_addr, to = from + r->memory_size;
	const struct pci_bus *b = &rig_vm.pci;

	if (!r->memory_size)
		return;
	if (!(from >= PCI_WINDOW32 && to <= PCI_WINDOW32_END) && !(from >= b->window64 && to <= b->window64 + PCI_WINDOW64_SIZE))
		abort();
	if (to <= from || from % 4096 || to % 4096)
		abort();
}

static int
rig_set_slot(const struct kvm_userspace_memory_region *r)
{
	if (r->slot >= RIG_SLOTS)
		abort();
	rig_check_slot(r);
	for (unsigned i = 0; i < RIG_SLOTS && r->memory_size; i++)
		if (i != r->slot && rig_slots[i].size && r->guest_phys_addr < rig_slots[i].gpa + rig_slots[i].size &&
		    rig_slots[i].gpa < r->guest_phys_addr + r->memory_size)
			return rig_fail(EEXIST);
	rig_slots[r->slot].gpa = r->guest_phys_addr;
	rig_slots[r->slot].size = r->memory_size;
	rig_slots[r->slot].at = (uint8_t *)(uintptr_t)r->userspace_addr; /* NOLINT: KVM's way to pass it */
	return 0;
}

int
ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		*(struct vfio_device_info *)arg = (struct vfio_device_info){.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET, .num_regions = 9};
		return 0;
	case VFIO_DEVICE_GET_REGION_INFO: return rig_region_info(arg);
	case VFIO_DEVICE_SET_IRQS: return rig_set_irqs(arg);
	case VFIO_DEVICE_RESET: return rig_reset();
	case VFIO_IOMMU_MAP_DMA: return rig_map(arg);
	case VFIO_IOMMU_UNMAP_DMA: return rig_unmap(arg);
	case KVM_SET_USER_MEMORY_REGION: return rig_set_slot(arg);
	case KVM_CREATE_DEVICE: ((struct kvm_create_device *)arg)->fd = 1002; return 0;
	case KVM_SET_DEVICE_ATTR: rig_groups += ((const struct kvm_device_attr *)arg)->attr == KVM_DEV_VFIO_GROUP_ADD ? 1 : -1U; return 0;
	case KVM_IRQFD:
		if (((const struct kvm_irqfd *)arg)->gsi < 24)
			rig_pins += ((const struct kvm_irqfd *)arg)->flags & KVM_IRQFD_FLAG_DEASSIGN ? -1U : 1;
		return 0;
	default: return 0;
	}
}

static void
rig_put(unsigned region, uint64_t off, const void *data, size_t len)
{
	if (pwrite(rig_fd, data, len, (off_t)(rig_offset(region) + off)) != (ssize_t)len)
		abort();
}

/* A machine of 4 MiB with an empty bus, and a device file without regions. */
static void
rig_init(void)
{
	static struct kvm_irq_routing *routes;

	memset(&rig_vm, 0, sizeof(rig_vm));
	memset(rig_slots, 0, sizeof(rig_slots));
	memset(rig_maps, 0, sizeof(rig_maps));
	memset(rig_irqs, 0, sizeof(rig_irqs));
	memset(rig_size, 0, sizeof(rig_size));
	rig_resets = rig_pins = rig_groups = 0;
	diag_verbose = -1;
	rig_no_mmap = false;
	rig_irqs_most = 0;
	if (!routes)
		routes = calloc(1, sizeof(*routes) + 2048 * sizeof(routes->entries[0]));
	routes->nr = 0;
	rig_vm.routes = routes;
	rig_vm.io = &rig_io;
	pthread_mutex_init(&rig_vm.route_lock, NULL);
	if (mem_init(&rig_vm.mem, RIG_RAM, 0, -1) || loop_init(&rig_vm.loop))
		abort();
	pci_init(&rig_vm.pci, &rig_vm);
	rig_fd = memfd_create("device", MFD_CLOEXEC);
	if (rig_fd < 0 || ftruncate(rig_fd, RIG_REGIONS * RIG_REGION) < 0)
		abort();
}

/* Puts it on the bus; NULL or the reason. */
static const char *
rig_plug(void)
{
	static struct wire w;
	static char why[256];

	w = (struct wire){.kind = WIRE_PCI, .id = "pci0", .fds = {rig_fd, RIG_GROUP_FD, RIG_CONTAINER_FD}, .nfds = 3};
	memset(&rig_device, 0, sizeof(rig_device));
	return vfio_create(&rig_vm, &w, false, &rig_device, why, sizeof(why));
}

static void
rig_done(bool plugged)
{
	if (plugged)
		rig_device.ops->remove(rig_device.dev);
	else
		close(rig_fd);
	loop_done(&rig_vm.loop);
	munmap(rig_vm.mem.base, RIG_RAM);
	free(rig_vm.vfio);
}

static uint32_t
rig_config(unsigned reg, unsigned len)
{
	uint32_t v = 0;

	bus_do(&rig_vm.mmio, PCI_ECAM_BASE + (1 << 15) + reg, &v, len, false);
	return v;
}

static void
rig_set_config(unsigned reg, uint32_t v, unsigned len)
{
	bus_do(&rig_vm.mmio, PCI_ECAM_BASE + (1 << 15) + reg, &v, len, true);
}

#endif

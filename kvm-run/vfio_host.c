/* SPDX-License-Identifier: ISC */
/*
 * What assigned devices have in common: KVM's knowledge of their groups, and the IOMMU's of the guest's RAM. All of RAM is shown
 * to them at the guest's own addresses, and nothing else: not BARs of other devices, not ROMs.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kvm-run/iothread.h"
#include "kvm-run/vfio.h"
#include "kvm-run/vfio_dev.h"

#define DEVICES_MAX PCI_SLOTS

struct vfio_host {
	int kvm_fd; /* KVM's device for groups */
	struct vfio *devices[DEVICES_MAX];
	unsigned n;
	bool live; /* RAM is shown to them */
	bool kept; /* guest_mem's keep, as it was before the first of them */
};

struct range {
	uint64_t gpa, size;
	void *at;
};

static struct range
block_range(const struct guest_mem *m, uint64_t i)
{
	return (struct range){m->hot.start + i * m->hot.block, m->hot.block, m->base + m->size + i * m->hot.block};
}

/*
 * The i-th of the ranges that are shown, of size 0 where there is nothing; false behind the last. What virtio-mem plugs goes block by
 * block, as only what was shown as one can be taken as one.
 */
static bool
ram(const struct guest_mem *m, uint64_t i, struct range *r)
{
	if (i == 0)
		*r = (struct range){0, m->low_size, m->base};
	else if (i == 1)
		*r = (struct range){MEM_HIGH_START, m->high_size, m->base + m->low_size};
	else if (!m->hot.size || i - 2 >= m->hot.size / m->hot.block)
		return false;
	else
		*r = mem_plugged(m, i - 2, 1, true) ? block_range(m, i - 2) : (struct range){0};
	return true;
}

/* 0 or -errno. */
static int
map_range(const struct vfio *v, const struct range *r)
{
	struct vfio_iommu_type1_dma_map map = {.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
	    .vaddr = (uintptr_t)r->at, .iova = r->gpa, .size = r->size};

	return ioctl(v->container_fd, VFIO_IOMMU_MAP_DMA, &map) < 0 ? -errno : 0;
}

/* All that was shown within; of a container that is shared, or has nothing, nothing is there to be taken. */
static void
unmap_range(const struct vfio *v, uint64_t gpa, uint64_t size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {.argsz = sizeof(unmap), .iova = gpa, .size = size};

	if (size)
		ioctl(v->container_fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
}

static const char *
map_failed(const struct vm *vm, const struct range *r, int err, char *why, size_t size)
{
	unsigned long long mib = (unsigned long long)vm->mem.size >> 20;
	struct rlimit limit = {0};

	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (err == ENOMEM && limit.rlim_cur < vm->mem.size)
		snprintf(why, size, "its %llu MiB of memory must stay in place for the device: no more than %llu MiB may be locked (ulimit -l)",
		    mib, (unsigned long long)limit.rlim_cur >> 20);
	else
		snprintf(why, size, "the IOMMU does not take memory at %#llx: %s", (unsigned long long)r->gpa, strerror(err));
	return why;
}

/* Devices may share a container, by descriptors of different numbers: then what an earlier one has mapped is there already. */
static const char *
map_container(struct vm *vm, const struct vfio *v, bool first, char *why, size_t size)
{
	struct range r;

	for (uint64_t i = 0; ram(&vm->mem, i, &r); i++) {
		int err = r.size ? map_range(v, &r) : 0;

		if (err == -EEXIST && i == 0 && !first)
			return NULL;
		if (err == -EEXIST)
			return "its container has something mapped already";
		if (err)
			return map_failed(vm, &r, -err, why, size);
	}
	return NULL;
}

static void
unmap_container(struct vm *vm, const struct vfio *v)
{
	unmap_range(v, 0, vm->mem.low_size);
	unmap_range(v, MEM_HIGH_START, vm->mem.high_size);
	unmap_range(v, vm->mem.hot.start, vm->mem.hot.size);
}

const char *
vfio_dma_map(struct vm *vm, char *why, size_t size)
{
	struct vfio_host *h = vm->vfio;
	const char *bad = NULL;

	for (unsigned i = 0; h && i < h->n && !bad; i++)
		bad = map_container(vm, h->devices[i], i == 0, why, size);
	if (h && !bad)
		h->live = true;
	return bad;
}

void
vfio_dma_unmap(struct vm *vm)
{
	struct vfio_host *h = vm->vfio;

	for (unsigned i = 0; h && i < h->n; i++)
		unmap_container(vm, h->devices[i]);
	if (h)
		h->live = false;
}

bool
vfio_dma_blocks(struct vm *vm, uint64_t first, uint64_t n, bool in)
{
	struct vfio_host *h = vm->vfio;
	const uint64_t block = vm->mem.hot.block, start = vm->mem.hot.start + first * block;
	bool fine = true;

	for (unsigned d = 0; h && h->live && in && d < h->n; d++)
		for (uint64_t i = first; i < first + n && fine; i++) {
			struct range r = block_range(&vm->mem, i);
			int err = map_range(h->devices[d], &r);

			fine = !err || (d && err == -EEXIST); /* a container that they share */
		}
	for (unsigned d = 0; h && h->live && (!in || !fine) && d < h->n; d++)
		unmap_range(h->devices[d], start, n * block);
	return fine;
}

void
vfio_raise_limits(struct vm *vm)
{
	struct rlimit files, locked;
	uint64_t need = vm->mem.size;

	for (const struct wire *w = vm->wires.v; w < vm->wires.v + vm->wires.n; w++)
		if (w->kind == WIRE_PCI) /* it is counted once a container, and once where it is locked anyway */
			need += vm->mem.size;
	if (!wires_first(&vm->wires, WIRE_PCI) && !vm->opt.hot_slots)
		return;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	if (getrlimit(RLIMIT_MEMLOCK, &locked) < 0 || locked.rlim_cur >= need)
		return;
	locked.rlim_cur = need;
	if (locked.rlim_max < need)
		locked.rlim_max = need; /* by rights */
	if (setrlimit(RLIMIT_MEMLOCK, &locked) == 0 || getrlimit(RLIMIT_MEMLOCK, &locked) < 0)
		return;
	locked.rlim_cur = locked.rlim_max;
	setrlimit(RLIMIT_MEMLOCK, &locked);
}

static struct vfio_host *
new_host(struct vm *vm, struct why *reason)
{
	struct kvm_create_device device = {.type = KVM_DEV_TYPE_VFIO};
	struct vfio_host *h = calloc(1, sizeof(*h));

	if (h && ioctl(vm->fd, KVM_CREATE_DEVICE, &device) == 0) {
		h->kvm_fd = (int)device.fd;
		h->kept = vm->mem.keep;
		return h;
	}
	why(reason, "KVM takes no assigned devices: %s", strerror(errno));
	free(h);
	return NULL;
}

/* KVM asks the group whether what the device writes is seen by caches, and how its memory may be cached. */
static int
tell_kvm(const struct vfio_host *h, const struct vfio *v, uint64_t what)
{
	int32_t fd = v->group_fd;
	struct kvm_device_attr attr = {.group = KVM_DEV_VFIO_GROUP, .attr = what, .addr = (uintptr_t)&fd};

	return ioctl(h->kvm_fd, KVM_SET_DEVICE_ATTR, &attr) < 0 && errno != EEXIST ? -errno : 0;
}

/* On the I/O thread, where blocks of memory come and go. */
struct joining {
	struct vfio *v;
	bool hot;
	struct why *reason;
	const char *bad;
};

static void
join(void *arg)
{
	struct joining *j = arg;
	struct vfio_host *h = j->v->vm->vfio;

	h->live |= j->hot;
	if (h->n == DEVICES_MAX)
		j->bad = "no slots";
	else if (h->live)
		j->bad = map_container(j->v->vm, j->v, h->n == 0, j->reason->text, sizeof(j->reason->text));
	if (!j->bad)
		h->devices[h->n++] = j->v;
}

const char *
vfio_host_add(struct vfio *v, bool hot, struct why *reason)
{
	struct joining j = {.v = v, .hot = hot, .reason = reason};
	struct vm *vm = v->vm;
	int err;

	if (!vm->vfio)
		vm->vfio = new_host(vm, reason);
	if (!vm->vfio)
		return reason->text;
	vm->mem.keep = true; /* a page given back and touched again would be another one for the guest than for its device */
	err = tell_kvm(vm->vfio, v, KVM_DEV_VFIO_GROUP_ADD);
	if (err)
		return why(reason, "its group: %s", strerror(-err));
	iothread_call(vm->io, join, &j);
	return j.bad;
}

/* The container of the last one is closed by it, and all that is mapped goes with that. */
static void
leave(void *arg)
{
	struct vfio *v = arg;
	struct vfio_host *h = v->vm->vfio;

	for (unsigned i = 0; i < h->n; i++)
		if (h->devices[i] == v)
			h->devices[i--] = h->devices[--h->n];
}

/* A group that another device is in, too, is told again: KVM had it once. */
void
vfio_host_remove(struct vfio *v)
{
	struct vfio_host *h = v->vm->vfio;

	if (!h)
		return;
	iothread_call(v->vm->io, leave, v);
	tell_kvm(h, v, KVM_DEV_VFIO_GROUP_DEL);
	for (unsigned i = 0; i < h->n; i++)
		tell_kvm(h, h->devices[i], KVM_DEV_VFIO_GROUP_ADD);
	if (!h->n)
		v->vm->mem.keep = h->kept;
}

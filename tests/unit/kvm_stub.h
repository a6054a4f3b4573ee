/* SPDX-License-Identifier: ISC */
/*
 * KVM without processors, for a whole machine in one thread: open(2) and ioctl(2) play it. It keeps memory slots and doorbells as
 * KVM does, with KVM's refusals, so that an access of a guest finds RAM, a doorbell or the bus. The rest is taken and forgotten.
 */
#ifndef TESTS_UNIT_KVM_STUB_H
#define TESTS_UNIT_KVM_STUB_H

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kvm-run/mem.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vm.h"

#define STUB_SLOTS 64
#define STUB_BELLS 256
#define STUB_PAGE 4096U

static struct kvm_userspace_memory_region stub_slots[STUB_SLOTS]; /* those that are there */
static unsigned stub_nslots;
static struct stub_bell {
	uint64_t addr;
	uint32_t len; /* 0: any */
	int owner;    /* the descriptor that it came with */
	int fd;	      /* our own, as KVM holds the file */
} stub_bells[STUB_BELLS];
static unsigned stub_nbells;

static int
stub_fail(int err)
{
	errno = err;
	return -1;
}

static struct kvm_userspace_memory_region *
stub_slot(uint32_t number)
{
	for (unsigned i = 0; i < stub_nslots; i++)
		if (stub_slots[i].slot == number)
			return &stub_slots[i];
	return NULL;
}

static bool
stub_overlaps(const struct kvm_userspace_memory_region *r)
{
	for (const struct kvm_userspace_memory_region *o = stub_slots; o < stub_slots + stub_nslots; o++)
		if (o->slot != r->slot && o->guest_phys_addr < r->guest_phys_addr + r->memory_size &&
		    r->guest_phys_addr < o->guest_phys_addr + o->memory_size)
			return true;
	return false;
}

/* As kvm_set_memory_region() of Linux's virt/kvm/kvm_main.c refuses and does it. */
static int
stub_set_slot(const struct kvm_userspace_memory_region *r)
{
	struct kvm_userspace_memory_region *s = stub_slot(r->slot);

	if ((r->guest_phys_addr | r->memory_size | r->userspace_addr) % STUB_PAGE ||
	    r->guest_phys_addr + r->memory_size < r->guest_phys_addr || (!r->memory_size && !s))
		return stub_fail(EINVAL);
	if (!r->memory_size) {
		*s = stub_slots[--stub_nslots];
		return 0;
	}
	if (s && (r->memory_size != s->memory_size || r->userspace_addr != s->userspace_addr || (r->flags ^ s->flags) & KVM_MEM_READONLY))
		return stub_fail(EINVAL);
	if (stub_overlaps(r))
		return stub_fail(EEXIST);
	if (!s && stub_nslots == STUB_SLOTS)
		return stub_fail(ENOSPC);
	*(s ? s : &stub_slots[stub_nslots++]) = *r;
	return 0;
}

/* All of it was written to, as far as anybody knows. */
static int
stub_dirty(const struct kvm_dirty_log *log)
{
	const struct kvm_userspace_memory_region *s = stub_slot(log->slot);
	uint64_t pages = s ? s->memory_size / STUB_PAGE : 0;
	uint8_t *bits = log->dirty_bitmap;

	if (!s || !(s->flags & KVM_MEM_LOG_DIRTY_PAGES))
		return stub_fail(ENOENT);
	for (uint64_t i = 0; i < (pages + 63) / 64 * 8; i++)
		bits[i] = i < pages / 8 ? 0xff : i == pages / 8 ? (uint8_t)((1U << pages % 8) - 1) : 0;
	return 0;
}

static int
stub_set_bell(const struct kvm_ioeventfd *e)
{
	bool off = e->flags & KVM_IOEVENTFD_FLAG_DEASSIGN;

	for (struct stub_bell *b = stub_bells; b < stub_bells + stub_nbells; b++) {
		if (b->addr != e->addr || (b->len && e->len && b->len != e->len) || (off && b->owner != e->fd))
			continue;
		if (!off)
			return stub_fail(EEXIST);
		close(b->fd);
		*b = stub_bells[--stub_nbells];
		return 0;
	}
	if (off)
		return stub_fail(ENOENT);
	if (stub_nbells == STUB_BELLS)
		return stub_fail(ENOSPC);
	stub_bells[stub_nbells++] = (struct stub_bell){e->addr, e->len, e->fd, dup(e->fd)};
	return 0;
}

static int
stub_ioctl(unsigned long request, void *arg)
{
	switch (request) {
	case KVM_GET_API_VERSION: return KVM_API_VERSION;
	case KVM_CREATE_VM: return memfd_create("vm", MFD_CLOEXEC);
	case KVM_CHECK_EXTENSION: return (uintptr_t)arg == KVM_CAP_MAX_VCPUS ? 255 : 1;
	case KVM_SET_USER_MEMORY_REGION: return stub_set_slot(arg);
	case KVM_GET_DIRTY_LOG: return stub_dirty(arg);
	case KVM_IOEVENTFD: return stub_set_bell(arg);
	default: return 0;
	}
}

int
ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return _IOC_TYPE(request) == KVMIO ? stub_ioctl(request, arg) : (int)syscall(SYS_ioctl, fd, request, arg);
}

int
open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (!strcmp(path, "/dev/kvm"))
		return memfd_create("kvm", MFD_CLOEXEC);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* --- a guest's accesses, of 1, 2, 4 or 8 bytes --- */

static void *
stub_ram(uint64_t gpa, unsigned len, bool write)
{
	for (const struct kvm_userspace_memory_region *s = stub_slots; s < stub_slots + stub_nslots; s++)
		if (gpa >= s->guest_phys_addr && gpa - s->guest_phys_addr < s->memory_size && !(write && s->flags & KVM_MEM_READONLY) &&
		    len <= s->memory_size - (gpa - s->guest_phys_addr))
			return (void *)(uintptr_t)(s->userspace_addr + (gpa - s->guest_phys_addr));
	return NULL;
}

static bool
stub_ring(uint64_t gpa, unsigned len)
{
	for (const struct stub_bell *b = stub_bells; b < stub_bells + stub_nbells; b++)
		if (b->addr == gpa && (!b->len || b->len == len))
			return eventfd_write(b->fd, 1) == 0;
	return false;
}

static void
stub_store(struct vm *vm, uint64_t gpa, uint64_t value, unsigned len)
{
	void *at = stub_ram(gpa, len, true);

	if (at)
		memcpy(at, &value, len);
	else if (!stub_ring(gpa, len))
		bus_do(&vm->mmio, gpa, &value, len, true);
}

static uint64_t
stub_load(struct vm *vm, uint64_t gpa, unsigned len)
{
	const void *at = stub_ram(gpa, len, false);
	uint64_t value = 0;

	if (at)
		memcpy(&value, at, len);
	else
		bus_do(&vm->mmio, gpa, &value, len, false);
	return value;
}

static void
stub_out(struct vm *vm, uint16_t port, uint32_t value, unsigned len)
{
	bus_do(&vm->ports, port, &value, len, true);
}

static uint32_t
stub_in(struct vm *vm, uint16_t port, unsigned len)
{
	uint32_t value = 0;

	bus_do(&vm->ports, port, &value, len, false);
	return value;
}

/* --- vCPUs that never run, in place of vcpu.c and vcpu_setup.c --- */

const char *
vcpus_create(struct vm *vm)
{
	vm->vcpus = calloc(vm->opt.cpus.max, sizeof(*vm->vcpus));
	for (unsigned i = 0; i < vm->opt.cpus.max; i++)
		vm->vcpus[i] = (struct vcpu){.vm = vm, .index = i, .plugged = i < vm->nvcpus, .stats_fd = -1};
	return NULL;
}

struct vcpu *
vcpu_next(const struct vm *vm, const struct vcpu *v)
{
	for (unsigned i = v ? v->index + 1 : 0; i < vm->opt.cpus.max; i++)
		if (vm->vcpus[i].plugged)
			return &vm->vcpus[i];
	return NULL;
}

const char *
vcpu_plug(struct vcpu *v)
{
	v->plugged = true;
	v->vm->nvcpus++;
	return NULL;
}

void
vcpu_unplug(struct vcpu *v)
{
	v->plugged = false;
	v->vm->nvcpus--;
}

void
vcpus_set_entry(struct vm *vm, const struct boot_entry *e)
{
	(void)vm, (void)e;
}

void
vcpus_start(struct vm *vm)
{
	(void)vm;
}

void
vcpus_pause(struct vm *vm)
{
	(void)vm;
}

void
vcpus_resume(struct vm *vm)
{
	(void)vm;
}

void
vcpus_reset(struct vm *vm)
{
	(void)vm;
}

void
vcpus_end(struct vm *vm)
{
	(void)vm;
}

#endif

/* SPDX-License-Identifier: ISC */
/* KVM's memory slots; the contract is in memslot.h. */
#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "kvm-run/memslot.h"
#include "kvm-run/vm.h"

int
vm_map(struct vm *vm, unsigned slot, uint64_t gpa, uint64_t size, void *at, uint32_t flags)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.userspace_addr = (uintptr_t)at,
	};

	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &r) < 0 ? -errno : 0;
}

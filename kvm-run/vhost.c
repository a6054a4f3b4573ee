/* SPDX-License-Identifier: ISC */
/* The calls of the kernel's vhost-net; the contracts are in vhost.h. */
#include <errno.h>
#include <linux/vhost.h>
#include <sys/ioctl.h>

#include "kvm-run/vhost.h"

static bool
set_memory(int fd, const struct guest_mem *m)
{
	union {
		struct vhost_memory table;
		char room[sizeof(struct vhost_memory) + 2 * sizeof(struct vhost_memory_region)];
	} u = {.table = {.nregions = m->high_size ? 2 : 1}};

	u.table.regions[0].memory_size = m->low_size;
	u.table.regions[0].userspace_addr = (uintptr_t)m->base;
	if (m->high_size) {
		u.table.regions[1].guest_phys_addr = MEM_HIGH_START;
		u.table.regions[1].memory_size = m->high_size;
		u.table.regions[1].userspace_addr = (uintptr_t)(m->base + m->low_size);
	}
	return ioctl(fd, VHOST_SET_MEM_TABLE, &u) == 0;
}

bool
vhost_prepare(int fd, const struct guest_mem *m, uint64_t features)
{
	uint64_t has;

	if (ioctl(fd, VHOST_SET_OWNER) < 0 || ioctl(fd, VHOST_GET_FEATURES, &has) < 0)
		return false;
	if (features & ~has) {
		errno = EOPNOTSUPP;
		return false;
	}
	return set_memory(fd, m);
}

bool
vhost_set_features(int fd, uint64_t features)
{
	return ioctl(fd, VHOST_SET_FEATURES, &features) == 0;
}

bool
vhost_start_ring(int fd, unsigned index, const struct vhost_ring *r)
{
	struct vhost_vring_state num = {index, r->size}, base = {index, r->base};
	struct vhost_vring_file kick = {index, r->kick_fd}, call = {index, r->call_fd};
	struct vhost_vring_addr addr = {
		.index = index,
		.desc_user_addr = (uintptr_t)r->desc,
		.avail_user_addr = (uintptr_t)r->avail,
		.used_user_addr = (uintptr_t)r->used,
	};

	return ioctl(fd, VHOST_SET_VRING_NUM, &num) == 0 && ioctl(fd, VHOST_SET_VRING_BASE, &base) == 0 &&
	    ioctl(fd, VHOST_SET_VRING_ADDR, &addr) == 0 && ioctl(fd, VHOST_SET_VRING_KICK, &kick) == 0 &&
	    ioctl(fd, VHOST_SET_VRING_CALL, &call) == 0;
}

bool
vhost_set_tap(int fd, int tap)
{
	bool ok = true;

	for (unsigned i = 0; i < VHOST_RINGS; i++) {
		struct vhost_vring_file f = {i, tap};

		ok = ioctl(fd, VHOST_NET_SET_BACKEND, &f) == 0 && ok;
	}
	return ok;
}

uint16_t
vhost_stop_ring(int fd, unsigned index)
{
	struct vhost_vring_state base = {.index = index};
	struct vhost_vring_file none = {index, VHOST_NO_FD};

	ioctl(fd, VHOST_SET_VRING_KICK, &none);
	ioctl(fd, VHOST_SET_VRING_CALL, &none);
	ioctl(fd, VHOST_GET_VRING_BASE, &base);
	return (uint16_t)base.num;
}

/* SPDX-License-Identifier: ISC */
/* VFIO's descriptors; the contracts are in pci_hand.h. The order of the calls is that of Documentation/driver-api/vfio.rst. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/user.h"
#include "vm-pin/pci_hand.h"

#define CONTAINER "/dev/vfio/vfio"
#define GROUP "/dev/vfio/%u"
#define PATH 32

int
pci_container(void)
{
	int fd = open(CONTAINER, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die_sys(CONTAINER);
	if (ioctl(fd, VFIO_GET_API_VERSION) != VFIO_API_VERSION || ioctl(fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) <= 0)
		die(CONTAINER ": this kernel's VFIO has no IOMMU of type 1");
	return fd;
}

static int
open_group(const struct pci_group *g)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	char path[PATH];
	int fd;

	snprintf(path, sizeof(path), GROUP, g->number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && errno == EBUSY)
		die("%s: another program has it", path);
	if (fd < 0)
		die_sys("%s", path);
	if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		die_sys("%s", path);
	if (!(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		die("%s: a driver of the host has a device of it", path);
	return fd;
}

/* A copy of a descriptor for each wire: no number may be named twice. */
static int
copy(int fd)
{
	int new = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	if (new < 0)
		die_sys("descriptors");
	return new;
}

void
pci_open(const struct pci_group *g, int container, int hold, struct pci_wire *wires)
{
	int group = open_group(g);

	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0)
		die_sys(GROUP ": container", g->number);
	/* The first group's IOMMU becomes the container's; a later one that does not fit was refused above. */
	if (ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0 && errno != EINVAL)
		die_sys(GROUP ": IOMMU", g->number);
	for (size_t i = 0; i < g->n; i++) {
		struct pci_wire *w = &wires[i];

		memcpy(w->address, g->devices[i].address, sizeof(w->address));
		w->fds[0] = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, w->address);
		if (w->fds[0] < 0)
			die_sys("%s", w->address);
		w->fds[1] = copy(group);
		w->fds[2] = copy(container);
		w->fds[3] = copy(hold);
	}
	close(group);
	close(hold);
}

void
pci_give_group(const struct pci_group *g, const char *user)
{
	char path[PATH];
	struct user u;

	snprintf(path, sizeof(path), GROUP, g->number);
	if (!user_find(user, &u))
		die("%s: no such user", user);
	if (chown(path, u.uid, u.gid) < 0)
		die_sys("%s", path);
}

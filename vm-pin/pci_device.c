/* SPDX-License-Identifier: ISC */
/* PCI devices; the contracts are in pci_device.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "vm-pin/host.h"
#include "vm-pin/pci_device.h"
#include "vm-pin/read.h"

#define DEVICES "sys/bus/pci/devices"
#define CLASS_BRIDGE 0x0604 /* PCI to PCI */
#define PATH 256

bool
pci_address(const char *word, char address[PCI_ADDRESS])
{
	unsigned domain = 0, bus, slot, function;
	int end = 0;

	if (sscanf(word, "%6x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &end) != 4 || word[end]) {
		end = domain = 0;
		if (sscanf(word, "%2x:%2x.%1u%n", &bus, &slot, &function, &end) != 3 || word[end])
			return false;
	}
	if (slot > 31 || function > 7 || strpbrk(word, " +-xX"))
		return false;
	snprintf(address, PCI_ADDRESS, "%04x:%02x:%02x.%u", domain & 0xffffff, bus & 255, slot & 31, function & 7);
	return true;
}

/* The last component of what a link of the device points to; "" when there is no such link. */
static void
link_name(int root, const char *address, const char *link, char *name, size_t size)
{
	char path[PATH], to[PATH];
	const char *last;
	ssize_t n;

	snprintf(path, sizeof(path), DEVICES "/%s/%s", address, link);
	n = readlinkat(root, path, to, sizeof(to) - 1);
	to[n > 0 ? n : 0] = '\0';
	last = strrchr(to, '/');
	snprintf(name, size, "%.*s", (int)size - 1, last ? last + 1 : to);
}

/* 0 when it is not there. */
static uint32_t
hex_file(int root, const char *address, const char *name)
{
	char path[PATH], text[32];

	snprintf(path, sizeof(path), DEVICES "/%s/%s", address, name);
	return read_text(root, path, text, sizeof(text)) ? (uint32_t)strtoul(text, NULL, 16) : 0;
}

static bool
is_vfio(const char *driver)
{
	return !strncmp(driver, "vfio-", 5) || strstr(driver, "-vfio-") || strstr(driver, "_vfio_");
}

const char *
pci_read(int root, const char *address, struct pci_device *d, struct why *w)
{
	char path[PATH], group[16];
	uint64_t node;

	*d = (struct pci_device){.group = PCI_NO_GROUP, .node = HOST_NONE};
	snprintf(d->address, sizeof(d->address), "%s", address);
	snprintf(path, sizeof(path), DEVICES "/%s", address);
	if (faccessat(root, path, F_OK, 0) < 0)
		return errno == ENOENT ? "no such device" : why(w, "%s", strerror(errno));
	d->vendor = hex_file(root, address, "vendor");
	d->device = hex_file(root, address, "device");
	d->class = hex_file(root, address, "class");
	link_name(root, address, "driver", d->driver, sizeof(d->driver));
	link_name(root, address, "iommu_group", group, sizeof(group));
	if (*group)
		d->group = (uint32_t)strtoul(group, NULL, 10);
	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", address);
	if (!read_text(root, path, d->override, sizeof(d->override)) || !strcmp(d->override, "(null)"))
		d->override[0] = '\0';
	snprintf(path, sizeof(path), DEVICES "/%s/numa_node", address);
	if (read_number(root, path, &node))
		d->node = (uint32_t)node;
	d->vfio = is_vfio(d->driver);
	return NULL;
}

static int
list_dir(int root, const char *path, struct dirent ***names)
{
	return scandirat(root, path, names, NULL, alphasort);
}

void
pci_each(int root, void (*fn)(const struct pci_device *d, void *arg), void *arg)
{
	struct dirent **names;
	int n = list_dir(root, DEVICES, &names);
	struct pci_device d;
	struct why w;

	if (n < 0)
		die_sys("/" DEVICES);
	for (int i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' && !pci_read(root, names[i]->d_name, &d, &w))
			fn(&d, arg);
		free(names[i]);
	}
	free(names);
}

/* A network interface of the device that is up. */
static const char *
interface_in_use(int root, const struct pci_device *d, struct why *w)
{
	char path[PATH], flags[32];
	struct dirent **names;
	const char *bad = NULL;
	int n;

	snprintf(path, sizeof(path), DEVICES "/%s/net", d->address);
	n = list_dir(root, path, &names);
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;

		snprintf(path, sizeof(path), DEVICES "/%s/net/%.32s/flags", d->address, name);
		if (name[0] != '.' && read_text(root, path, flags, sizeof(flags)) && strtoul(flags, NULL, 16) & 1)
			bad = why(w, "the host uses it: %s is up (ip link set %s down)", name, name);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return bad;
}

/* A disk of the device that is mounted, swapped to, or part of another: such ones cannot be opened exclusively. */
static const char *
disk_in_use(int root, const struct pci_device *d, struct why *w)
{
	char path[PATH], to[PATH], part[PCI_ADDRESS + 2];
	struct dirent **names;
	const char *bad = NULL;
	int n = list_dir(root, "sys/class/block", &names), fd;

	snprintf(part, sizeof(part), "/%s/", d->address);
	for (int i = 0; i < n; i++) {
		ssize_t len;

		snprintf(path, sizeof(path), "sys/class/block/%.64s", names[i]->d_name);
		len = readlinkat(root, path, to, sizeof(to) - 1);
		to[len > 0 ? len : 0] = '\0';
		snprintf(path, sizeof(path), "dev/%.64s", names[i]->d_name);
		fd = strstr(to, part) ? openat(root, path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC) : -1;
		if (strstr(to, part) && fd < 0 && errno == EBUSY)
			bad = why(w, "the host uses it: /dev/%s is mounted or part of something", names[i]->d_name);
		if (fd >= 0)
			close(fd);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return bad;
}

static bool
is_among(const char *address, const struct pci_device *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].address, address))
			return true;
	return false;
}

/* What the host's drivers work with would be reachable by the guest: the kernel refuses that, too, but does not say whose fault it is.
 * Bridges and devices without a driver do no DMA of their own. */
static const char *
other_in_group(int root, const struct pci_device *d, const struct pci_device *all, size_t n, struct why *w)
{
	char path[PATH];
	struct dirent **names;
	const char *bad = NULL;
	struct pci_device other;
	struct why none;
	int count;

	snprintf(path, sizeof(path), "sys/kernel/iommu_groups/%u/devices", d->group);
	count = list_dir(root, path, &names);
	for (int i = 0; i < count; i++) {
		const char *name = names[i]->d_name;

		if (name[0] != '.' && !bad && !is_among(name, all, n) && !pci_read(root, name, &other, &none) && *other.driver &&
		    !other.vfio && strcmp(other.driver, "pci-stub") && other.class >> 8 != CLASS_BRIDGE)
			bad = why(w, "its group, %u, has %s of driver %s, too: name that as well, or take its driver away", d->group, name,
			    other.driver);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return bad;
}

const char *
pci_check(int root, const struct pci_device *d, const struct pci_device *all, size_t n, struct why *w)
{
	const char *bad;

	if (d->group == PCI_NO_GROUP)
		return "no IOMMU keeps it from the host's memory (BIOS, and the kernel's words intel_iommu=on or amd_iommu=on)";
	if (d->class >> 8 == CLASS_BRIDGE)
		return "a bridge, which no guest can have";
	bad = other_in_group(root, d, all, n, w);
	if (!bad)
		bad = interface_in_use(root, d, w);
	return bad ? bad : disk_in_use(root, d, w);
}

/* SPDX-License-Identifier: ISC */
/*
 * Binding; the contracts are in pci_bind.h. driver_override is the way that touches no other device: new_id would give VFIO every
 * device of that kind (Documentation/ABI/testing/sysfs-bus-pci).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/keeper.h"
#include "vm-pin/pci_bind.h"

#define BUS "/sys/bus/pci"
#define VFIO "vfio-pci"
#define PATH 256
#define TRIES 200	    /* of giving back, while the kernel still closes what the guest had: 2 s */
#define PAUSE_NS 10000000L

/* Writes a word to a file of /sys; 0 or -errno. */
static int
put(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;
	size_t len = strlen(word);

	if (fd < 0)
		return -errno;
	err = write(fd, word, len) == (ssize_t)len ? 0 : -errno;
	close(fd);
	return err;
}

static int
put_driver(const char *driver, const char *file, const char *word)
{
	char path[PATH];

	snprintf(path, sizeof(path), BUS "/drivers/%s/%s", driver, file);
	return put(path, word);
}

/* An empty line is no override. */
static int
put_override(const char *address, const char *driver)
{
	char path[PATH], line[80];

	snprintf(path, sizeof(path), BUS "/devices/%s/driver_override", address);
	snprintf(line, sizeof(line), "%s\n", driver);
	return put(path, line);
}

/* The group is claimed until the last of the guest's descriptors is closed, which may be after ours was. */
static int
rebind(const struct pci_device *d)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int err = put_driver(d->driver, "bind", d->address);

	for (int i = 0; err == -EBUSY && i < TRIES; i++) {
		nanosleep(&pause, NULL);
		err = put_driver(d->driver, "bind", d->address);
	}
	return err;
}

/* What is no longer VFIO's, or gone, is not ours to change. */
static int
give_back(const struct pci_device *d)
{
	int err;

	if (d->vfio)
		return 0;
	err = put_driver(VFIO, "unbind", d->address);
	put_override(d->address, d->override);
	if (err == -ENODEV)
		return 0;
	if (!err && *d->driver)
		err = rebind(d);
	if (err)
		error("%s: not given back to %s: %s", d->address, *d->driver ? d->driver : "the host", strerror(-err));
	return err;
}

static int
give_all_back(void *arg)
{
	const struct pci_group *g = arg;
	int status = 0;

	for (size_t i = 0; i < g->n; i++)
		status |= give_back(&g->devices[i]) != 0;
	return status;
}

/* As root there is always a modprobe; a kernel that has the driver built in, or loaded, needs none. */
static void
load_driver(void)
{
	int status;
	pid_t pid;

	if (access(BUS "/drivers/" VFIO, F_OK) == 0)
		return;
	pid = fork();
	if (!pid) {
		execlp("modprobe", "modprobe", "-q", VFIO, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (access(BUS "/drivers/" VFIO, F_OK) < 0)
		die("no driver %s: modprobe %s", VFIO, VFIO);
}

/* What goes wrong is taken back by the process that was started before, as this one then ends. */
static void
take(const struct pci_device *d)
{
	int err = put_override(d->address, VFIO);

	if (!err && *d->driver)
		err = put_driver(d->driver, "unbind", d->address);
	if (!err)
		err = put_driver(VFIO, "bind", d->address);
	if (err)
		die("%s: %s: %s", d->address, VFIO, strerror(-err));
}

int
pci_bind(struct pci_group *g)
{
	int hold;

	load_driver();
	hold = keeper_hold("vm-pin-pci", KEEPER_NO_RIGHTS, NULL, 0, NULL, give_all_back, g);
	if (hold < 0)
		die("%s: %s", g->devices[0].address, strerror(-hold));
	for (size_t i = 0; i < g->n; i++)
		if (!g->devices[i].vfio)
			take(&g->devices[i]);
	return hold;
}

/* SPDX-License-Identifier: ISC */
/* From a pci wire to a device on the bus, and its life; the contract is in vfio.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/diag.h"
#include "kvm-run/pci_bar.h"
#include "kvm-run/vfio.h"
#include "kvm-run/vfio_dev.h"

#define CFG_REVISION 0x08 /* and the class above it */

static const struct pci_ops ops = {
	.bar_access = vfio_bar_access,
	.bar_mapped = vfio_bar_mapped,
	.config_written = vfio_config_written,
	.config_read = vfio_config_read,
	.config_extended = vfio_config_extended,
	.rom_mapped = vfio_rom_mapped,
};

static const char *
open_device(struct vfio *v)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};
	uint8_t header[12];

	if (ioctl(v->fd, VFIO_DEVICE_GET_INFO, &info) < 0)
		return strerror(errno);
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) || info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)
		return "no PCI device";
	v->can_reset = info.flags & VFIO_DEVICE_FLAGS_RESET;
	v->config = vfio_region_get(v, VFIO_PCI_CONFIG_REGION_INDEX);
	if (!vfio_region_read(v, &v->config, 0, header, sizeof(header)))
		return "its configuration space cannot be read";
	pci_dev_init(&v->pci, v->vm, v->id, &ops, get_le16(header), get_le16(header + 2), get_le32(header + CFG_REVISION) >> 8,
	    header[CFG_REVISION]);
	return NULL;
}

/* Silent, so that it reaches no memory, and in the state of power-on where it can be brought there. */
static void
quiet(struct vfio *v)
{
	static const uint16_t off = 0;

	vfio_irq_set_mode(v, VFIO_IRQ_NONE);
	vfio_region_write(v, &v->config, CFG_COMMAND, &off, sizeof(off));
	if (v->can_reset && ioctl(v->fd, VFIO_DEVICE_RESET) < 0)
		warn("%s: reset: %s", v->id, strerror(errno));
}

/* As quiet; then as the guest finds it. */
static void
power_on(struct vfio *v)
{
	quiet(v);
	memset(&v->pci.config[CFG_COMMAND], 0, 2);
	vfio_command_write(v);
	vfio_sleep(v, false);
	vfio_irq_set_mode(v, v->has_pin ? VFIO_IRQ_INTX : VFIO_IRQ_NONE);
}

static void
reset_device(void *dev)
{
	power_on(dev);
}

/* Without the wire's descriptors. */
static void
free_device(struct vfio *v)
{
	vfio_irq_close(v);
	vfio_host_remove(v);
	pci_dev_done(&v->pci);
	vfio_regions_close(v);
	free(v);
}

static void
remove_device(void *dev)
{
	struct vfio *v = dev;
	int fds[] = {v->fd, v->group_fd, v->container_fd, v->hold_fd};

	quiet(v);
	pci_unplug(&v->vm->pci, &v->pci);
	free_device(v);
	for (unsigned i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static const struct vm_device_ops device_ops = {
	.reset = reset_device,
	.remove = remove_device,
};

static const char *
build(struct vfio *v, bool hot, struct why *reason)
{
	const char *bad = open_device(v);
	int slot;

	if (!bad)
		bad = vfio_regions_open(v, reason);
	if (!bad)
		bad = vfio_caps_read(v, reason);
	if (!bad)
		bad = vfio_irq_open(v, reason);
	if (!bad)
		bad = vfio_host_add(v, hot, reason);
	if (bad)
		return bad;
	vfio_regions_map(v);
	slot = pci_plug(&v->vm->pci, &v->pci, hot);
	if (slot < 0)
		return "no slots, or no room for its BARs";
	power_on(v);
	return NULL;
}

static struct vfio *
new_device(struct vm *vm, const struct wire *w, const char *id)
{
	struct vfio *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->vm = vm;
	v->id = id;
	v->fd = w->fds[0];
	v->group_fd = w->fds[1];
	v->container_fd = w->fds[2];
	v->hold_fd = w->nfds > 3 ? w->fds[3] : -1;
	v->pin_fd = v->unmask_fd = v->request.fd = v->fault.fd = -1;
	return v;
}

const char *
vfio_create(struct vm *vm, const struct wire *w, bool hot, struct vm_device *d, char *why, size_t size)
{
	struct why reason;
	const char *bad;
	struct vfio *v;

	v = new_device(vm, w, w->id);
	if (!v)
		return strerror(errno);
	bad = build(v, hot, &reason);
	if (bad) {
		snprintf(why, size, "%s", bad);
		free_device(v);
		return why;
	}
	d->ops = &device_ops;
	d->dev = v;
	d->pci = &v->pci;
	return NULL;
}

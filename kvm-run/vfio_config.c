/* SPDX-License-Identifier: ISC */
/*
 * The guest's accesses to an assigned device's configuration space. Of what is let through the kernel has its own opinion: it
 * keeps BARs, interrupts and link settings to itself, does resets as they are asked for, and ignores what could hurt the host.
 */
#include "common/bytes.h"
#include "common/util.h"
#include "kvm-run/pci_bar.h"
#include "kvm-run/vfio_dev.h"

#define PM_CONTROL 4 /* PCI Power Management 1.2, 3.2.4 */
#define PM_STATE 3
#define PM_D3 3

/* Reads or writes, at once where that is possible, what of data is the device's own. */
static void
through(const struct vfio *v, unsigned off, uint8_t *data, unsigned len, bool write)
{
	for (unsigned i = 0, n; i < len; i += n) {
		bool own = v->through[off + i];

		for (n = 1; i + n < len && v->through[off + i + n] == own; n++)
			;
		if (own && write)
			vfio_region_write(v, &v->config, off + i, data + i, n);
		else if (own)
			vfio_region_read(v, &v->config, off + i, data + i, n);
	}
}

static bool
overlaps(unsigned off, unsigned len, unsigned reg, unsigned size)
{
	return off < reg + size && off + len > reg;
}

void
vfio_command_write(struct vfio *v)
{
	uint16_t command = get_le16(&v->pci.config[CFG_COMMAND]) | CMD_MEMORY | CMD_IO;

	vfio_region_write(v, &v->config, CFG_COMMAND, &command, sizeof(command));
}

static bool
in_d3(const struct vfio *v)
{
	uint16_t control;

	return !vfio_region_read(v, &v->config, v->pm_cap + PM_CONTROL, &control, sizeof(control)) ||
	    (control & PM_STATE) == PM_D3;
}

void
vfio_config_read(struct pci_dev *d, unsigned off, unsigned len)
{
	through(container_of(d, struct vfio, pci), off, &d->config[off], len, false);
}

/* Memory of a sleeping device does not answer, which would end the guest: so it is out of sight before and until it is awake. */
void
vfio_config_written(struct pci_dev *d, unsigned off, unsigned len)
{
	struct vfio *v = container_of(d, struct vfio, pci);
	bool power = v->pm_cap && overlaps(off, len, v->pm_cap + PM_CONTROL, 2);

	if (overlaps(off, len, CFG_COMMAND, 2))
		vfio_command_write(v);
	if (power)
		vfio_sleep(v, true);
	through(v, off, &d->config[off], len, true);
	if (power)
		vfio_sleep(v, in_d3(v));
	vfio_irq_update(v);
}

void
vfio_config_extended(struct pci_dev *d, unsigned off, void *data, unsigned len, bool write)
{
	const struct vfio *v = container_of(d, struct vfio, pci);

	if (!write)
		memcpy(data, &v->extended[off], len);
	through(v, off, data, len, write);
}

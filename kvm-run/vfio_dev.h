/* SPDX-License-Identifier: ISC */
/* Inside assigned devices: their state, and what the files vfio_*.c ask of each other. */
#ifndef KVM_RUN_VFIO_DEV_H
#define KVM_RUN_VFIO_DEV_H

#include <linux/vfio.h>

#include "common/why.h"
#include "kvm-run/mem.h"
#include "kvm-run/vm.h"

#define VFIO_CONFIG_MAX 4096 /* PCI Express 5.0, 7.2 */

/* A part of the device file, which VFIO calls a region: a BAR, the ROM, or configuration space. */
struct vfio_region {
	uint64_t size, off; /* off: in the device file; size 0: none */
	uint32_t flags;	    /* VFIO_REGION_INFO_FLAG_* */
};

/* A part of a BAR that the guest reaches without an exit. */
struct vfio_piece {
	unsigned bar;
	uint64_t off, size;
	void *at;
};

enum vfio_irq_mode { VFIO_IRQ_NONE, VFIO_IRQ_INTX, VFIO_IRQ_MSI, VFIO_IRQ_MSIX };

struct vfio {
	struct pci_dev pci;
	struct vm *vm;
	const char *id; /* the wire's */
	int fd, group_fd, container_fd, hold_fd; /* hold: -1 if none */
	bool can_reset, has_pin;
	struct vfio_region config, regions[PCI_BARS];
	struct vfio_piece pieces[MEM_SLOTS_A_DEVICE];
	unsigned npieces;
	uint64_t shown[PCI_BARS]; /* where the bus has its BARs, 0 = nowhere */
	unsigned pm_cap;
	bool asleep; /* in D3: its BARs do not answer */
	void *rom; /* the device's own, read when the guest first looks; NULL: none */
	bool rom_read;
	/* Configuration space: which bytes are the device's own, at each access; the others are in pci.config, or here. */
	bool through[VFIO_CONFIG_MAX];
	uint8_t extended[VFIO_CONFIG_MAX];
	enum vfio_irq_mode irq_mode;
	bool irq_failed; /* said so once */
	struct vfio_irq_set *irq_set; /* room for every vector's eventfd */
	int pin_fd, unmask_fd;	      /* of INTx: it wants, the guest has handled it */
	struct watch request, fault;  /* the host wants it back; it reported an error */
};

/* vfio_region.c. The region of that index, of none where it has none. */
struct vfio_region vfio_region_get(const struct vfio *v, unsigned index);
/* Makes BARs of all of them. NULL or the reason. */
const char *vfio_regions_open(struct vfio *v, struct why *why);
void vfio_regions_close(struct vfio *v);
/* What of BARs may be mapped is known once MSI-X is: its table is not the guest's. */
void vfio_regions_map(struct vfio *v);
/* Shows or hides what is mapped of a BAR; of all of them, for a device that falls asleep. */
void vfio_bar_mapped(struct pci_dev *d, unsigned bar, uint64_t gpa, bool mapped);
void vfio_sleep(struct vfio *v, bool asleep);
void vfio_bar_access(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write);
void vfio_rom_mapped(struct pci_dev *d);
/* All of len at off, or false; a read that fails gives ones. */
bool vfio_region_read(const struct vfio *v, const struct vfio_region *r, uint64_t off, void *data, size_t len);
bool vfio_region_write(const struct vfio *v, const struct vfio_region *r, uint64_t off, const void *data, size_t len);

/* vfio_caps.c. Reads configuration space and decides what of it the guest sees, and which of it is the device's. NULL or the
 * reason. MSI and MSI-X are made ours. */
const char *vfio_caps_read(struct vfio *v, struct why *why);

/* vfio_config.c: the guest's accesses. */
void vfio_config_read(struct pci_dev *d, unsigned off, unsigned len);
void vfio_config_written(struct pci_dev *d, unsigned off, unsigned len);
void vfio_config_extended(struct pci_dev *d, unsigned off, void *data, unsigned len, bool write);
/* The command register of the device itself, from what the guest wrote: it always decodes, so that nothing that is mapped of it
 * faults; what the guest sees of that is the bus's matter. */
void vfio_command_write(struct vfio *v);

/* vfio_irq.c. eventfds and watches; NULL or the reason. */
const char *vfio_irq_open(struct vfio *v, struct why *why);
void vfio_irq_close(struct vfio *v);
/* Has the device interrupt as configuration space now says, or in that way. */
void vfio_irq_update(struct vfio *v);
void vfio_irq_set_mode(struct vfio *v, enum vfio_irq_mode mode);

/* vfio_host.c. The device's group becomes KVM's matter, its container one that is shown RAM, at once if hot; and no longer. NULL
 * or the reason. */
const char *vfio_host_add(struct vfio *v, bool hot, struct why *why);
void vfio_host_remove(struct vfio *v);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * PCI bus 0: host bridge (CF8/CFC and ECAM), configuration space, BARs, MSI-X with one eventfd a vector; pins and
 * MSI for devices that have no MSI-X (pci_irq.c). Guest accesses come on vCPU threads and are serialised by the bus's lock.
 */
#ifndef KVM_RUN_PCI_H
#define KVM_RUN_PCI_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "kvm-run/bus.h"

struct vm;

#define PCI_SLOTS 32
#define PCI_LPC_SLOT 31 /* the ICH9 has its ISA bridge at 00:1f.0 */
#define PCI_BARS 7
#define PCI_ROM 6 /* the last of them: the expansion ROM */

#define PCI_ECAM_BASE 0xb0000000ULL /* one bus: 1 MiB; 256 MiB of space are left to it */
#define PCI_WINDOW32 0xc0000000ULL  /* BARs below 4 GiB */
#define PCI_WINDOW32_END 0xfec00000ULL /* SeaBIOS puts them right below the IO-APIC */
#define PCI_WINDOW64_SIZE (1ULL << 36) /* above RAM, see pci_window64() */

struct pci_dev;

struct pci_ops {
	/* An access within a BAR that is not the MSI-X table. Without the bus lock; vCPU threads. */
	void (*bar_access)(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write);
	/* A BAR appeared at a guest address (enabled and decoding), or is about to vanish: ioeventfds follow. Bus lock held. */
	void (*bar_mapped)(struct pci_dev *d, unsigned bar, uint64_t gpa, bool mapped);
	/* A write to configuration space took effect. Bus lock held, as for the next two. May be NULL. */
	void (*config_written)(struct pci_dev *d, unsigned off, unsigned len);
	/* A read of configuration space is about to happen (virtio's PCI_CFG window). May be NULL. */
	void (*config_read)(struct pci_dev *d, unsigned off, unsigned len);
	/* An access to what is beyond the first 256 bytes; for a read, data is zeroed. May be NULL. */
	void (*config_extended)(struct pci_dev *d, unsigned off, void *data, unsigned len, bool write);
	/* The ROM is about to be seen by the guest: the last moment to fill it. Bus lock held. May be NULL. */
	void (*rom_mapped)(struct pci_dev *d);
};

struct pci_bar {
	uint64_t size; /* a power of two, 0 = none */
	bool is64, prefetch, io;
	uint64_t mapped; /* guest address, or port, at which it decodes now, 0 = nowhere */
};

struct msix_vector {
	uint64_t addr;
	uint32_t data;
	uint32_t ctrl; /* bit 0: masked */
	int fd;	       /* write 8 bytes of 1 to interrupt; also given to vhost */
	uint32_t gsi;  /* its KVM route, 0 while it has none */
	bool armed;    /* the irqfd is assigned: delivered at once; else the fd's count is the pending bit */
};

struct pci_dev {
	const char *id; /* wire id or a fixed name; for messages */
	const struct pci_ops *ops;
	struct vm *vm;
	int slot; /* -1 when not on the bus */
	uint8_t config[256];
	uint8_t fresh[256]; /* config as pci_plug left it, for a reset */
	uint8_t wmask[256]; /* which bits the guest may write */
	unsigned cap_end;   /* where the next capability goes */
	unsigned cap_last;
	struct pci_bar bars[PCI_BARS];
	void *rom; /* its bytes, of the process */
	unsigned msix_cap; /* offset of the capability, 0 = none */
	unsigned msix_bar, pba_bar;
	uint64_t msix_table, pba; /* offsets there */
	unsigned nvectors;
	bool msix_failed; /* said so once */
	struct msix_vector *vectors;
	unsigned msi_cap; /* offset of the capability, 0 = none */
	struct msix_vector msi;
	bool irq_level; /* as last said by pci_irq */
};

struct pci_bus {
	struct vm *vm;
	pthread_mutex_t lock;
	uint32_t cf8;
	struct pci_dev *slots[PCI_SLOTS]; /* function 0 only */
	uint64_t window64;		  /* its start */
	uint64_t next32, next64, next_io; /* where BARs are placed at start, so that no firmware is needed */
	struct pci_dev host_bridge;
	uint32_t hot_slots; /* bit a slot that was reserved by -H */
	pthread_mutex_t irq_lock; /* of what follows and the devices' pins and MSI; taken after `lock` */
	uint32_t irq_lines;	  /* bit a GSI: levels of the lines that PCI drives */
};

/* The bus with its host bridge on the vm's port and memory buses. */
void pci_init(struct pci_bus *b, struct vm *vm);

/* Zeroes d and fills in the header: ids as in the PCI ID space, class as 0xccsspp. */
void pci_dev_init(struct pci_dev *d, struct vm *vm, const char *id, const struct pci_ops *ops, uint16_t vendor,
    uint16_t device, uint32_t class_code, uint8_t revision);

/* Declares a memory BAR. Before pci_plug. */
void pci_add_bar(struct pci_dev *d, unsigned bar, uint64_t size, bool is64, bool prefetch);

/* Declares a BAR of ports, at least 4. Before pci_plug. */
void pci_add_io_bar(struct pci_dev *d, unsigned bar, uint32_t size);

/* Gives it an expansion ROM: `size` bytes, a power of two of at least a page, page-aligned, which stay the caller's. The guest
 * reads them without an exit. Before the vCPUs run. */
void pci_add_rom(struct pci_dev *d, void *bytes, uint32_t size);

/* Appends a capability of len bytes (its first two bytes are filled in); returns its offset. */
unsigned pci_add_cap(struct pci_dev *d, uint8_t cap_id, const void *body, unsigned len);

/* Adds MSI-X with n vectors, table at the start of `bar` (which the caller has declared, >= 4 KiB: table at 0, pending
 * bits at 2 KiB) and creates the eventfds. 0 or -errno. */
int pci_add_msix(struct pci_dev *d, unsigned bar, unsigned n);

/* The same with the capability that is in the configuration space already at `cap`, for the BARs and offsets it tells. */
int pci_use_msix(struct pci_dev *d, unsigned cap);

/* How many bytes its table and its pending bits take. */
static inline uint64_t
pci_msix_table_len(const struct pci_dev *d)
{
	return 16ULL * d->nvectors;
}

static inline uint64_t
pci_msix_pba_len(const struct pci_dev *d)
{
	return (d->nvectors + 63) / 64 * 8;
}

/* Whether an access there is one to the MSI-X table or its pending bits, which the device does not see. */
bool pci_msix_at(const struct pci_dev *d, unsigned bar, uint64_t off);

/* Gives the device the pin INTA, or an MSI capability of one message, or both (MSI then comes first). Before pci_plug. MSI:
 * 0 or -errno. */
void pci_add_intx(struct pci_dev *d);
int pci_add_msi(struct pci_dev *d);
int pci_use_msi(struct pci_dev *d, unsigned cap); /* as pci_use_msix; one message, of the width it tells */

/* The device wants an interrupt (level) or not any more. With MSI every call that says so sends the message, so it is called
 * again for each new cause. Any thread, also with locks of the device held. */
void pci_irq(struct pci_dev *d, bool level);

/* Is there a slot for one more that is not hot? */
bool pci_room(const struct pci_bus *b);

/* Puts the device into a free slot (of the hot ones if hot) and gives its BARs addresses. The slot, or -ENOSPC. */
int pci_plug(struct pci_bus *b, struct pci_dev *d, bool hot);

/* The device of that id, which is not a bridge, or NULL. While devices neither come nor go. */
struct pci_dev *pci_find(struct pci_bus *b, const char *id);

/* Takes it off the bus and frees routes and eventfds, not its memory. The vCPUs are stopped. */
void pci_unplug(struct pci_bus *b, struct pci_dev *d);

/* The same for one that never got there; nothing where that was done. */
void pci_dev_done(struct pci_dev *d);

/* All devices back to power-on state (BARs at their first addresses). vCPUs are stopped. */
void pci_reset(struct pci_bus *b);

/* Interrupts the guest on vector v; nothing when it is out of range or MSI-X is off. Any thread. */
void msix_fire(struct pci_dev *d, unsigned v);

#endif

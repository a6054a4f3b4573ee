/* SPDX-License-Identifier: ISC */
/*
 * What the files of the PCI transport share: registers (virtio_pci.c), the life of devices (virtio_life.c), capabilities
 * and set-up (virtio_plug.c). Devices see virtio.h.
 */
#ifndef KVM_RUN_VIRTIO_PCI_H
#define KVM_RUN_VIRTIO_PCI_H

#include "common/util.h"
#include "kvm-run/virtio.h"

/* Device status, 2.1 */
#define STATUS_DRIVER_OK 4
#define STATUS_FEATURES_OK 8
#define STATUS_NEEDS_RESET 64

#define NO_VECTOR 0xffff

/* The one BAR: MSI-X in its first page, then the structures of 4.1.4, each in a place of its own. */
#define BAR 0
#define BAR_SIZE 0x4000
#define OFF_COMMON 0x1000
#define OFF_ISR 0x1100
#define OFF_DEVICE 0x1200
#define OFF_NOTIFY 0x2000
#define NOTIFY_STEP 4
#define COMMON_LEN 0x3c

/* struct virtio_pci_cap and what follows it in some kinds, 4.1.4 */
struct cap {
	uint8_t vndr, next, len, type, bar, id, pad[2];
	uint32_t offset, length;
	uint32_t extra; /* notify: the step; pci: a window of 4 bytes on the BAR */
};
#define CAP_PLAIN 16
#define CAP_WITH_EXTRA 20
enum { CAP_COMMON = 1, CAP_NOTIFY, CAP_ISR, CAP_DEVICE, CAP_PCI };

static inline struct virtio_dev *
virtio_of_pci(struct pci_dev *p)
{
	return container_of(p, struct virtio_dev, pci);
}

/* The four calls by which the bus reaches the registers; bar_mapped is virtio_plug.c's. */
void virtio_bar_access(struct pci_dev *p, unsigned bar, uint64_t off, void *data, unsigned len, bool write);
void virtio_config_written(struct pci_dev *p, unsigned off, unsigned len);
void virtio_config_read(struct pci_dev *p, unsigned off, unsigned len);

/* Everything the driver can set, back to power-on. dev->lock held or the device not plugged yet; queues stopped. */
void virtio_reset_registers(struct virtio_dev *d);

/* The driver set DRIVER_OK, or the device is to stop; nothing when it is so already. On the I/O thread; arg is the device. */
void virtio_do_start(void *arg);
void virtio_do_stop(void *arg);

#endif

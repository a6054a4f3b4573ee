/* SPDX-License-Identifier: ISC */
/*
 * virtio 1.2 over PCI, modern only: the transport (virtio_pci.c) on one side, devices on the other. Devices never touch
 * rings or registers: they fill in a virtio_dev, answer the calls of virtio_ops on their I/O thread, and use vq_*.
 */
#ifndef KVM_RUN_VIRTIO_H
#define KVM_RUN_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "kvm-run/iothread.h"
#include "kvm-run/pci.h"
#include "kvm-run/virtq.h"

#define VIRTIO_QUEUES_MAX 33
#define VIRTIO_CONFIG_MAX 136

/* Device ids, virtio 1.2 section 5 */
#define VIRTIO_ID_NET 1
#define VIRTIO_ID_BLOCK 2
#define VIRTIO_ID_CONSOLE 3
#define VIRTIO_ID_RNG 4
#define VIRTIO_ID_BALLOON 5
#define VIRTIO_ID_GPU 16
#define VIRTIO_ID_INPUT 18
#define VIRTIO_ID_MEM 24

/* Feature bits of every device, virtio 1.2 section 6; the transport offers them itself. */
#define VIRTIO_F_INDIRECT_DESC (1ULL << 28)
#define VIRTIO_F_EVENT_IDX (1ULL << 29)
#define VIRTIO_F_VERSION_1 (1ULL << 32)

struct virtio_dev;
struct stats_sink;

struct virtio_queue {
	struct virtq vq;
	uint16_t size_max;
	bool enabled;
	uint16_t vector;
	int kick_fd;	   /* ioeventfd, always there */
	struct watch kick; /* on the I/O thread while the device runs */
	struct virtio_dev *dev;
};

struct virtio_ops {
	uint16_t device_id;
	uint32_t class_code;
	/* On the I/O thread. DRIVER_OK: features and queues are final (dev->features, queue.enabled). False with a message
	 * already printed makes the device need a reset. May be NULL. */
	bool (*start)(struct virtio_dev *d);
	/* On the I/O thread, only after start: reset, unplug or exit. On return nothing of the device touches guest memory.
	 * May be NULL. */
	void (*stop)(struct virtio_dev *d);
	/* On the I/O thread: the driver has kicked queue q. Spurious calls happen. */
	void (*kick)(struct virtio_dev *d, unsigned q);
	/* The driver wrote bytes of the device configuration (already in d->config). vCPU thread, d->lock held. May be NULL. */
	void (*config_written)(struct virtio_dev *d, unsigned off, unsigned len);
	/* Numbers of its own, beside those of its queues. Main thread. May be NULL. */
	void (*stats)(struct virtio_dev *d, struct stats_sink *s);
	/* Frees the device after it was unplugged or at exit; its I/O thread has ended or does not know it any more. */
	void (*destroy)(struct virtio_dev *d);
};

struct virtio_dev {
	struct pci_dev pci; /* first: the transport casts back */
	const struct virtio_ops *ops;
	struct vm *vm;
	char id[32]; /* the wire's */
	struct iothread *io;
	pthread_mutex_t lock; /* guards everything below but running queues; taken by vCPU threads only for registers */
	pthread_mutex_t transition; /* held over a whole start or reset; taken before lock */
	uint64_t offered;     /* by the device; the transport adds its own bits */
	uint64_t features;    /* acknowledged by the driver; a subset of offered */
	uint32_t offered_select, features_select;
	uint16_t queue_select, config_vector;
	uint8_t status, generation;
	uint32_t isr;
	bool running;   /* start succeeded, stop not yet called */
	bool own_kicks; /* set by start: somebody else (vhost) reads the kick fds */
	unsigned cfg_cap; /* transport: offset of VIRTIO_PCI_CAP_PCI_CFG */
	uint8_t config[VIRTIO_CONFIG_MAX];
	unsigned config_len;
	unsigned nqueues;
	struct virtio_queue queues[VIRTIO_QUEUES_MAX];
};

/*
 * Readies d (which the caller has zeroed and in which ops, id, io, offered, config, nqueues and queues[].size_max are set)
 * and plugs it into the vm's bus. 0 or -errno; on failure nothing stays.
 */
int virtio_plug(struct virtio_dev *d, struct vm *vm, bool hot);

/* Stops the device, takes it off the bus, calls destroy. Not on its I/O thread. */
void virtio_unplug(struct virtio_dev *d);

/* Power-on state. vCPUs are stopped or none exist; stop is called if it runs. */
void virtio_reset(struct virtio_dev *d);

/* Has kick called for the queue, after whatever else the I/O thread has to do: for a device that stops after one lap, so
 * that others have their turn. Nothing while the device is stopped; its start calls kick itself. Any thread. */
static inline void
virtio_kick_again(struct virtio_dev *d, unsigned q)
{
	eventfd_write(d->queues[q].kick_fd, 1);
}

/* After vq_push: interrupts if the driver wants it. I/O thread. */
void virtio_interrupt(struct virtio_dev *d, unsigned q);

/* One request: to be answered by vq_push, now or later. NULL, or how the driver broke the rules. */
typedef const char *virtio_serve(struct virtio_dev *d, unsigned q, const struct vq_chain *c);

/*
 * What most devices do when they are kicked: at most so many requests to serve, an interrupt for them, and another kick if there
 * are more, so that the others of the I/O thread have their turn in between. No chain has more buffers than the queue's greatest
 * size, which is at most VIRTIO_LAP_BUFFERS. Returns how many there were. I/O thread.
 */
#define VIRTIO_LAP_BUFFERS 256
unsigned virtio_lap(struct virtio_dev *d, unsigned q, unsigned most, virtio_serve *serve);

/* New bytes for the device configuration; interrupts the driver. Any thread but one holding d->lock. */
void virtio_config_set(struct virtio_dev *d, unsigned off, const void *data, unsigned len);

/* The guest broke the rules: DEVICE_NEEDS_RESET, one warning naming the device, queues are no longer watched. I/O thread. */
void virtio_broken(struct virtio_dev *d, const char *why);

#endif

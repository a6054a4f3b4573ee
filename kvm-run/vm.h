/* SPDX-License-Identifier: ISC */
/* The machine: what the parts of kvm-run share. One struct, passed on; there are no globals. */
#ifndef KVM_RUN_VM_H
#define KVM_RUN_VM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/loop.h"
#include "common/wire.h"
#include "kvm-run/bootorder.h"
#include "kvm-run/bus.h"
#include "kvm-run/cpu_guest.h"
#include "kvm-run/mem.h"
#include "kvm-run/numa.h"
#include "kvm-run/memory_options.h"
#include "kvm-run/pci.h"
#include "kvm-run/topology.h"
#include "kvm-run/virtio.h"

struct ahci;
struct ahci_port;
struct iothread;
struct vcpu;
struct vfio_host;
struct serial;
struct stats_sink;
struct lpc;
struct rtc;
struct input;
struct ctl;
struct dump;
struct vga;
struct net_capture;
struct net_dev;
struct firmware;
struct con_out;
struct cpuhp;
struct kvm_cpuid2;

/* How the guest's run ends; kvm-run's exit status. */
enum vm_end {
	VM_POWEROFF = 0,
	VM_HOST_ERROR = 1,
	VM_WIRING = 2,
	VM_CRASH = 3,
	VM_RESET = 4,
	VM_QUIT = 5,
	VM_RUNNING = -1,
};

struct vm_options {
	const char *name; /* -I */
	struct memory_options memory; /* -m */
	bool populate;	  /* -P */
	struct topology cpus; /* -c */
	struct cpu_option cpu; /* -M */
	const char *cmdline; /* -K or the default, with -A appended; owned */
	unsigned hot_slots; /* -H */
	bool reboot;	    /* -r */
	const char *ctl_path; /* -C, or NULL */
	struct boot_options boot; /* -B */
};

/* What a device that is not virtio answers to. Main thread; vCPUs are out of the guest. */
struct vm_device_ops {
	void (*reset)(void *dev);  /* power-on state; nothing of it touches guest memory afterwards */
	void (*remove)(void *dev); /* off the machine and freed, with its descriptors */
	void (*stats)(void *dev, struct stats_sink *s); /* its numbers; may be NULL */
};

/* A device that came from a wire; ctl's `devices` lists them, `unplug ID` removes one. */
struct vm_device {
	char id[32];
	enum wire_kind kind;
	char boot_path[48]; /* what firmware calls it, "": it does not boot from it */
	bool hot;
	struct virtio_dev *virtio; /* or NULL, and then: */
	const struct vm_device_ops *ops;
	void *dev;
	struct pci_dev *pci;   /* its own, or the controller's */
	struct ahci_port *ata; /* a disk of the AHCI controller, or NULL */
	struct net_dev *net;   /* or NULL */
};

/* What is on the PCI bus for it; NULL for a device that is not there. */
static inline const struct pci_dev *
vm_device_pci(const struct vm_device *d)
{
	return d->virtio ? &d->virtio->pci : d->pci;
}

/* Where vCPU threads wait while the machine is paused. */
struct vm_run_gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	unsigned outside; /* vCPU threads waiting here */
};

struct vm {
	struct vm_options opt;
	struct wires wires; /* all of them, hot-plugged ones included */
	int kvm_fd, fd;
	struct guest_mem mem;
	struct numa numa;
	struct bus ports, mmio;
	struct pci_bus pci;
	struct loop loop; /* the main thread's: signals, ctl, console input */
	struct iothread *io; /* of the small devices, rng and consoles; started before them */
	struct vcpu *vcpus; /* opt.cpus.max, of which nvcpus are plugged in: see vcpu_next */
	unsigned nvcpus;
	struct cpu_guest cpu;	  /* what -M made of it */
	struct kvm_cpuid2 *cpuid; /* what each vCPU's is made from; NULL when none can come any more */
	struct cpuhp *cpuhp;	  /* or NULL: as many vCPUs as there can be */
	struct vm_device devices[WIRES_MAX];
	unsigned ndevices;
	struct serial *serial; /* COM1 */
	struct lpc *lpc;
	struct ahci *ahci; /* the controller of all disks with bus=ahci, or NULL */
	struct rtc *rtc;
	struct vga *vga; /* or NULL */
	struct virtio_dev *balloon; /* or NULL */
	struct virtio_dev *memdev;  /* virtio-mem, or NULL: no memory can be plugged in */
	struct input *input; /* keyboard and pointer; NULL without a display */
	struct ctl *ctl;
	struct dump *dump; /* the last one, perhaps under way, or NULL */
	struct firmware *firmware; /* or NULL: the kernel is booted directly */
	struct con_out *debug;	   /* of the firmware's debug port, or NULL */
	uint64_t mac_seed;		/* of default MACs, see net_init, and of the UUID */
	struct vfio_host *vfio;		/* what assigned devices have in common, or NULL */
	struct net_capture **captures;	/* the pcap wires, see net_init */
	atomic_int end;	 /* enum vm_end, set once by vm_end() */
	int end_fd;	 /* eventfd that wakes the main loop for it */
	struct watch end_watch;
	struct vm_run_gate gate;
	bool paused; /* by ctl; main thread only */
	bool held;   /* by a dump; main thread only */
	bool button_pressed; /* by a signal, since the last start; main thread only */
	/* GSI routes, see irq.c */
	pthread_mutex_t route_lock;
	struct kvm_irq_routing *routes;
	struct irqchip_state *irqchip; /* power-on state, for a reset */
	uint64_t gsi_used[16]; /* bitmap of 1024 */
};

/* The guest ends (power-off, reset, crash...): called by device code on any thread; the first call counts. */
void vm_end(struct vm *vm, enum vm_end how);

/* Main thread: stop and start all vCPUs (ctl stop, cont). Idempotent. */
void vm_pause(struct vm *vm);
void vm_resume(struct vm *vm);

/* Main thread: the vCPUs stand still whether they are paused or not, and do afterwards what they would have. */
void vm_hold(struct vm *vm, bool on);

/* Main thread: the whole machine to power-on state and off again (-r, ctl reset). */
void vm_reset(struct vm *vm);

/* The ACPI power button. Any thread. */
void vm_power_button(struct vm *vm);

/* Makes the device a checked wire describes. NULL, or the reason in a static or caller-given text. */
const char *vm_add_device(struct vm *vm, const struct wire *w, bool hot, char *why, size_t size);

/* The device of that id, or NULL. Main thread. */
struct vm_device *vm_find_device(struct vm *vm, const char *id);

/* Takes a device off the machine and frees it with its wire. Main thread. */
void vm_remove_device(struct vm *vm, struct vm_device *d);

/* Raises or drops a level-triggered line of the interrupt controller (0..23). Any thread. */
void vm_irq_line(struct vm *vm, unsigned gsi, bool level);

#endif

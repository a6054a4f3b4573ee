/* SPDX-License-Identifier: ISC */
/* The machine's life: run until somebody ends it, pause, reset, take it apart. */
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/util.h"
#include "kvm-run/cpuhp.h"
#include "kvm-run/ctl.h"
#include "kvm-run/debugport.h"
#include "kvm-run/dump.h"
#include "kvm-run/input.h"
#include "kvm-run/irq.h"
#include "kvm-run/lpc.h"
#include "kvm-run/memory.h"
#include "kvm-run/rtc.h"
#include "kvm-run/serial.h"
#include "kvm-run/vcpu.h"
#include "kvm-run/vfio.h"
#include "kvm-run/virtio.h"
#include "kvm-run/virtio_mem.h"
#include "kvm-run/vm.h"
#include "kvm-run/vm_setup.h"

void
vm_end(struct vm *vm, enum vm_end how)
{
	int running = VM_RUNNING;

	if (atomic_compare_exchange_strong(&vm->end, &running, (int)how))
		eventfd_write(vm->end_fd, 1);
}

/* Unless there is another reason for the vCPUs to stand still. */
static void
go_on(struct vm *vm)
{
	if (!vm->paused && !vm->held)
		vcpus_resume(vm);
}

void
vm_pause(struct vm *vm)
{
	vm->paused = true;
	vcpus_pause(vm);
}

/*
 * By a flag of its kvmclock a guest hears that it stood still for long, and its watchdogs do not bark (Linux, Documentation/virt/
 * kvm/api.rst, KVM_KVMCLOCK_CTRL). One without that clock cannot be told.
 */
static void
tell_clocks(struct vm *vm)
{
	for (const struct vcpu *v = NULL; (v = vcpu_next(vm, v));)
		ioctl(v->fd, KVM_KVMCLOCK_CTRL, 0);
}

void
vm_resume(struct vm *vm)
{
	if (vm->paused)
		tell_clocks(vm);
	vm->paused = false;
	go_on(vm);
}

void
vm_hold(struct vm *vm, bool on)
{
	vm->held = on;
	if (on) {
		vcpus_pause(vm);
		return;
	}
	tell_clocks(vm);
	go_on(vm);
}

void
vm_power_button(struct vm *vm)
{
	lpc_power_button(vm->lpc);
}

/* Every device stops touching guest memory. vCPUs are out of KVM_RUN. */
static void
stop_devices(struct vm *vm)
{
	for (const struct vm_device *d = vm->devices; d < vm->devices + vm->ndevices; d++)
		if (d->virtio)
			virtio_reset(d->virtio);
		else
			d->ops->reset(d->dev);
	if (vm->memdev)
		virtio_mem_reset(vm->memdev);
}

void
vm_reset(struct vm *vm)
{
	struct why w;
	const char *reason;

	vcpus_pause(vm);
	dump_before_reset(vm);
	/* Ended otherwise, only that the main loop has not heard of it yet: no reset brings it back. */
	if (vm->end != VM_RUNNING && !(vm->end == VM_RESET && vm->opt.reboot))
		return;
	note(1, "reset");
	stop_devices(vm);
	pci_reset(&vm->pci);
	lpc_reset(vm->lpc);
	rtc_reset(vm->rtc);
	serial_reset(vm->serial);
	if (vm->input)
		input_reset(vm->input);
	irqchip_reset(vm);
	cpuhp_reset(vm);
	vcpus_reset(vm);
	vfio_dma_unmap(vm);
	reason = memory_reset(vm, &w);
	if (!reason)
		reason = vm_load(vm, w.text, sizeof(w.text));
	if (!reason)
		reason = vfio_dma_map(vm, w.text, sizeof(w.text));
	if (reason) {
		error("reset: %s", reason);
		vm->end = VM_HOST_ERROR;
		loop_stop(&vm->loop);
		return;
	}
	vm->button_pressed = false;
	vm->end = VM_RUNNING;
	go_on(vm);
}

static void
on_end(struct watch *w, uint32_t events)
{
	struct vm *vm = container_of(w, struct vm, end_watch);
	uint64_t n;

	(void)events;
	if (read(vm->end_fd, &n, sizeof(n)) < 0)
		return;
	if (vm->end == VM_RESET && vm->opt.reboot)
		vm_reset(vm);
	else if (vm->end != VM_RUNNING) /* else somebody else's reset was faster */
		loop_stop(&vm->loop);
}

enum vm_end
vm_run(struct vm *vm)
{
	vm->end_watch = (struct watch){.fd = vm->end_fd, .handler = on_end};
	if (loop_watch(&vm->loop, &vm->end_watch, EPOLLIN) < 0)
		die_sys("event loop"); /* or nobody would hear of the guest's end */
	vcpus_start(vm);
	vcpus_resume(vm);
	loop_run(&vm->loop);
	return vm->end;
}

static void
remove_device(const struct vm_device *d)
{
	if (d->virtio)
		virtio_unplug(d->virtio);
	else
		d->ops->remove(d->dev);
}

void
vm_close(struct vm *vm)
{
	dump_end(vm);
	vcpus_end(vm);
	while (vm->ndevices)
		remove_device(&vm->devices[--vm->ndevices]);
	if (vm->input)
		input_destroy(vm->input);
	ctl_destroy(vm);
	debugport_stop(vm);
	serial_destroy(vm->serial);
}

struct vm_device *
vm_find_device(struct vm *vm, const char *id)
{
	for (unsigned i = 0; i < vm->ndevices; i++)
		if (!strcmp(vm->devices[i].id, id))
			return &vm->devices[i];
	return NULL;
}

void
vm_remove_device(struct vm *vm, struct vm_device *d)
{
	const struct wire *w = wires_find(&vm->wires, d->id);

	vcpus_pause(vm); /* they look devices up without a lock */
	remove_device(d);
	if (w)
		wires_unplug(&vm->wires, &vm->wires.v[w - vm->wires.v]);
	*d = vm->devices[--vm->ndevices];
	go_on(vm);
}

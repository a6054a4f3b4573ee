/* SPDX-License-Identifier: ISC */
/* Hot-plug; the contracts are in hotplug.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/hotplug.h"
#include "kvm-run/lpc.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

bool
hotplug_occupied(const struct vm *vm, unsigned slot)
{
	return vm->pci.slots[slot];
}

static bool
free_slot(const struct vm *vm)
{
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++)
		if (vm->pci.hot_slots & 1U << slot && !hotplug_occupied(vm, slot))
			return true;
	return false;
}

static struct vm_device *
device_in(struct vm *vm, unsigned slot)
{
	for (struct vm_device *d = vm->devices; d < vm->devices + vm->ndevices; d++)
		if (vm_device_pci(d)->slot == (int)slot)
			return d;
	return NULL;
}

static void
close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

static const char *
add_wire(struct vm *vm, const struct wire *w, char *why, size_t size)
{
	if (w->kind != WIRE_NET && w->kind != WIRE_BLK)
		return "only net and blk can be plugged in";
	if (!free_slot(vm))
		return "no slots";
	if (!wiring_check_one(&vm->wires, w, why, size))
		return why;
	return vm_add_device(vm, w, true, why, size);
}

const char *
hotplug_add(struct vm *vm, const char *word, size_t len, const int *fds, size_t n, char *id, char *why, size_t size)
{
	const char *fault;
	struct wire *w = wires_plug(&vm->wires, word, len, fds, n, &fault);

	if (!w) {
		close_all(fds, n);
		return fault;
	}
	fault = add_wire(vm, w, why, size);
	if (fault) {
		wires_unplug(&vm->wires, w);
		close_all(fds, n);
		return fault;
	}
	memcpy(id, w->id, sizeof(w->id));
	lpc_hotplug_notify(vm->lpc, (unsigned)vm_device_pci(vm_find_device(vm, id))->slot, true);
	return NULL;
}

const char *
hotplug_ask(struct vm *vm, const char *id, unsigned *slot)
{
	const struct vm_device *d = vm_find_device(vm, id);

	if (!d)
		return "no such device";
	if (!d->hot)
		return "was there at the start, so it stays";
	*slot = (unsigned)vm_device_pci(d)->slot;
	lpc_hotplug_notify(vm->lpc, *slot, false);
	return NULL;
}

void
hotplug_remove(struct vm *vm, unsigned slots)
{
	for (unsigned slot = 0; slot < PCI_SLOTS; slot++) {
		struct vm_device *d = slots & 1U << slot ? device_in(vm, slot) : NULL;

		if (!d || !d->hot)
			continue;
		note(1, "%s: ejected by the guest", d->id);
		vm_remove_device(vm, d);
	}
}

/* SPDX-License-Identifier: ISC */
/* Hot-plug; the contracts are in hotplug.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/ahci.h"
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
	if (w->kind != WIRE_NET && w->kind != WIRE_BLK && w->kind != WIRE_PCI)
		return "only net, blk and pci can be plugged in";
	if (!free_slot(vm))
		return "no slots";
	if (!wiring_check_one(&vm->wires, w, why, size))
		return why;
	return vm_add_device(vm, w, true, why, size);
}

static struct vm_device *
find_drive(struct vm *vm, const char *id)
{
	struct vm_device *d = vm_find_device(vm, id);

	return d && d->ata && ahci_is_cdrom(d->ata) ? d : NULL;
}

/* The medium's wire is checked as a disk is that the machine starts with. */
static const char *
insert(struct vm *vm, struct vm_device *d, const char *word, const int *fds, size_t n, char *why, size_t size)
{
	const char *fault;
	struct wire *w = wires_plug(&vm->wires, word, strlen(word), fds, n, &fault);

	if (!w)
		return fault;
	if (w->kind != WIRE_BLK)
		fault = "not a blk wire";
	else if (!wiring_check_one(&vm->wires, w, why, size))
		fault = why;
	else
		fault = ahci_change(d->ata, vm, w, why, size);
	if (fault)
		wires_unplug(&vm->wires, w);
	else
		memcpy(w->id, d->id, sizeof(w->id));
	return fault;
}

const char *
hotplug_change(struct vm *vm, const char *id, const char *word, const int *fds, size_t n, char *why, size_t size)
{
	static const char nobody[] = "-";
	struct vm_device *d = find_drive(vm, id);
	const struct wire *found = d ? wires_find(&vm->wires, d->id) : NULL;
	struct wire *old = found ? &vm->wires.v[found - vm->wires.v] : NULL;
	const char *fault = d ? NULL : "no such CD-ROM drive";

	if (old) /* so that the new one may have its name */
		memcpy(old->id, nobody, sizeof(nobody));
	if (d)
		fault = word ? insert(vm, d, word, fds, n, why, size) : ahci_change(d->ata, vm, NULL, why, size);
	if (fault)
		close_all(fds, n);
	if (old && fault)
		memcpy(old->id, d->id, sizeof(old->id));
	else if (old)
		wires_unplug(&vm->wires, old);
	return fault;
}

/* A wire with media=cdrom and the id of a drive is a medium for it: so any loader can bring one. */
static bool
is_medium(struct vm *vm, const char *word, size_t len, char *id)
{
	struct wire w;
	const char *fault, *media;

	if (!wire_parse(&w, word, len, &fault))
		return false;
	media = wire_get(&w, "media");
	memcpy(id, w.id, sizeof(w.id));
	return media && !strcmp(media, "cdrom") && find_drive(vm, id);
}

const char *
hotplug_add(struct vm *vm, const char *word, size_t len, const int *fds, size_t n, char *id, char *why, size_t size)
{
	const char *fault;
	struct wire *w;

	if (is_medium(vm, word, len, id))
		return hotplug_change(vm, id, word, fds, n, why, size);
	w = wires_plug(&vm->wires, word, len, fds, n, &fault);
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

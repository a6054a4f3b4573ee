/* SPDX-License-Identifier: ISC */
/* Firmware; the contracts are in firmware.h. What it is told is in firmware_files.c. */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kvm-run/firmware_files.h"
#include "kvm-run/memslot.h"
#include "kvm-run/wiring.h"

#define PAGE 4096ULL
#define ROM_END 0x100000000ULL
#define ROM_MAX (16ULL << 20) /* the local APIC and KVM's own pages are below */
#define SHADOW_END 0x100000ULL
#define SHADOW_MAX (256ULL << 10)

static const struct wire *
wire_as(const struct vm *vm, enum wire_as as)
{
	for (size_t i = 0; i < vm->wires.n; i++) {
		const struct wire *w = &vm->wires.v[i];

		if (w->nfds && w->kind == WIRE_FW && wiring_as(&vm->wires, w) == as)
			return w;
	}
	return NULL;
}

const struct wire *
firmware_wire(const struct vm *vm)
{
	return wire_as(vm, AS_BIOS);
}

/* The bytes of the wire's file in pages of our own, zeroes up to `room`. NULL with errno. */
static void *
read_file(const struct wire *w, uint64_t size, uint64_t room)
{
	uint8_t *at = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	for (uint64_t done = 0; done < size;) {
		ssize_t n = pread(w->fds[0], at + done, size - done, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		done += (uint64_t)n;
	}
	return at;
}

static uint64_t
file_size(const struct wire *w)
{
	struct stat st;

	return fstat(w->fds[0], &st) == 0 && st.st_size > 0 ? (uint64_t)st.st_size : 0;
}

/* Pages of the file itself, as the page cache has them; the guest cannot write to them. */
static const char *
map_rom(struct vm *vm, struct firmware *f, const struct wire *w)
{
	bool read_only = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_READONLY_MEM) > 0;

	f->size = file_size(w);
	if (!f->size || f->size % PAGE || f->size > ROM_MAX)
		return "not whole pages, from 4 KiB to 16 MiB";
	f->fd = w->fds[0];
	f->rom = mmap(NULL, f->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, f->fd, 0);
	if (f->rom == MAP_FAILED)
		return strerror(errno);
	if (vm_map(vm, MEM_SLOT_FIRMWARE, ROM_END - f->size, f->size, f->rom, read_only ? KVM_MEM_READONLY : 0) < 0)
		return "KVM takes no such memory";
	return NULL;
}

static const char *
add_rom(struct vm *vm, const struct wire *w)
{
	uint64_t size = file_size(w), room = PAGE;
	struct pci_dev *d = pci_find(&vm->pci, wire_get(w, "of"));
	void *bytes;

	if (!d)
		return "of: no PCI device of its own";
	if (!size || size > ROM_MAX)
		return "not of 1 byte to 16 MiB";
	while (room < size)
		room *= 2;
	bytes = read_file(w, size, room);
	if (!bytes)
		return "cannot be read";
	pci_add_rom(d, bytes, (uint32_t)room);
	return NULL;
}

static const char *
add_roms(struct vm *vm, char *why, size_t size)
{
	for (size_t i = 0; i < vm->wires.n; i++) {
		const struct wire *w = &vm->wires.v[i];
		const char *reason = NULL;

		if (w->nfds && w->kind == WIRE_FW && wiring_as(&vm->wires, w) == AS_ROM)
			reason = add_rom(vm, w);
		if (!reason)
			continue;
		snprintf(why, size, "%s: %s", w->id, reason);
		return why;
	}
	return NULL;
}

static const char *
read_splash(struct vm *vm, struct firmware *f)
{
	const struct wire *w = wire_as(vm, AS_SPLASH);

	if (!w)
		return NULL;
	f->splash_size = file_size(w);
	if (!f->splash_size || f->splash_size > ROM_MAX)
		return "splash: not of 1 byte to 16 MiB";
	f->splash = read_file(w, f->splash_size, f->splash_size);
	return f->splash ? NULL : "splash: cannot be read";
}

const char *
firmware_create(struct vm *vm, char *why, size_t size)
{
	static struct firmware f;
	const struct wire *w = firmware_wire(vm);
	const char *reason = add_roms(vm, why, size);

	if (reason || !w)
		return reason;
	reason = map_rom(vm, &f, w);
	if (!reason)
		reason = read_splash(vm, &f);
	if (reason) {
		snprintf(why, size, "firmware: %s", reason);
		return why;
	}
	smbios_make(&f.smbios, vm->mac_seed);
	fwcfg_init(&f.cfg, vm);
	vm->firmware = &f;
	return NULL;
}

/*
 * From 0xc0000 on is RAM, which firmware may write to at once: PAM registers are kept, mean nothing, and say so (see
 * pci.c). It begins with a copy of the ROM's end, which firmware would else make itself.
 */
const char *
firmware_load(struct vm *vm)
{
	struct firmware *f = vm->firmware;
	uint64_t len = f->size < SHADOW_MAX ? f->size : SHADOW_MAX;
	const char *fault = firmware_add_files(vm, f);

	f->booted = true;
	return fault ? fault : mem_load(&vm->mem, SHADOW_END - len, f->fd, f->size - len, len);
}

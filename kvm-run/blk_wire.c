/* SPDX-License-Identifier: ISC */
/* From blk wires to disks; the contracts are in blk_wire.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/disk_nbd.h"
#include "common/nbd.h"
#include "common/util.h"
#include "kvm-run/blk_wire.h"
#include "kvm-run/iothread.h"
#include "kvm-run/virtio_blk_image.h"
#include "kvm-run/vm.h"
#include "kvm-run/wiring.h"

/* The words of cache=, QEMU's. */
static const struct cache {
	const char *name;
	unsigned flags;
	bool writeback;
} caches[] = {
	{"writeback", 0, true},
	{"writethrough", 0, false},
	{"none", DISK_DIRECT, true},
	{"directsync", DISK_DIRECT, false},
	{"unsafe", DISK_UNSAFE, true},
};

static const struct cache *
find_cache(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_LEN(caches); i++)
		if (!strcmp(name, caches[i].name))
			return &caches[i];
	return name ? NULL : &caches[0];
}

static bool
same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Only what is first in the list is written, and a data file, which nobody else has. */
static bool
writes(const struct wire *w, size_t i)
{
	return !i && (fcntl(w->fds[0], F_GETFL) & O_ACCMODE) != O_RDONLY;
}

/* Another wire of the same file, if either may write: locks do not tell two wires of one open file apart. */
static const struct wire *
other_of(const struct vm *vm, const struct wire *w, size_t i)
{
	for (size_t n = 0; n < vm->wires.n; n++) {
		const struct wire *o = &vm->wires.v[n];

		if (o->kind != WIRE_BLK || !strcmp(o->id, w->id))
			continue;
		for (size_t k = 0; k < o->nfds; k++) /* none of one that was unplugged */
			if ((writes(w, i) || writes(o, k)) && same_file(w->fds[i], o->fds[k]))
				return o;
	}
	return NULL;
}

static const char *
open_nbd(struct disk **out, const struct wire *w, unsigned flags, struct why *reasons)
{
	const char *export = wire_get(w, "export");
	char name[NBD_NAME_MAX + 1] = "";

	if (export && !nbd_name(export, name, sizeof(name)))
		return "export: no name";
	return disk_nbd_open(out, w->fds[0], w->id, name, flags, reasons);
}

/* The disk of the wire. NULL, or the reason, which may be in why. */
static const char *
open_disk(struct blk_wire *b, const struct vm *vm, const struct wire *w, unsigned flags, char *why, size_t size)
{
	const char *reason;
	struct why reasons;

	switch (wiring_as(&vm->wires, w)) {
	case AS_RAW:
		return disk_raw_open(&b->disk, w->fds[0], flags, why, size);
	case AS_NBD:
		reason = open_nbd(&b->disk, w, flags, &reasons);
		break;
	default:
		reason = blk_image_open(&b->disk, &b->image, &vm->wires, w, flags, &reasons);
		break;
	}
	if (!reason)
		return NULL;
	snprintf(why, size, "%s", reason);
	blk_image_free(b->image);
	return why;
}

const char *
blk_wire_open(struct blk_wire *b, const struct vm *vm, const struct wire *w, char *why, size_t size)
{
	const struct cache *cache = find_cache(wire_get(w, "cache"));
	const char *serial = wire_get(w, "serial");

	if (!cache)
		return "cache: none of writeback, writethrough, none, directsync, unsafe";
	if (serial && strlen(serial) > BLK_SERIAL_MAX)
		return "serial: longer than 20 characters";
	for (size_t i = 0; i < w->nfds; i++) {
		const struct wire *other = other_of(vm, w, i);

		if (other) {
			snprintf(why, size, "fd %d: the same file as %s", w->fds[i], other->id);
			return why;
		}
	}
	*b = (struct blk_wire){.serial = serial ? serial : w->id, .writeback = cache->writeback};
	return open_disk(b, vm, w, cache->flags, why, size);
}

void
blk_wire_take(struct blk_wire *b, const struct wire *w)
{
	if (b->disk->size % b->disk->block_size)
		warn("%s: size is not a multiple of %u: the last bytes are not seen", w->id, b->disk->block_size);
	b->nfds = w->nfds;
	memcpy(b->fds, w->fds, w->nfds * sizeof(*w->fds));
}

void
blk_wire_close(struct blk_wire *b)
{
	if (b->disk)
		disk_close(b->disk);
	blk_image_free(b->image);
	for (size_t i = 0; i < b->nfds; i++)
		close(b->fds[i]);
	*b = (struct blk_wire){0};
}

struct preparing {
	struct disk *d;
	struct why why;
	const char *reason;
};

static void
prepare(void *arg)
{
	struct preparing *p = arg;

	p->reason = disk_prepare(p->d, &p->why);
}

const char *
blk_prepare(struct iothread *io, struct disk *d, char *why, size_t size)
{
	struct preparing p = {.d = d};

	iothread_call(io, prepare, &p);
	if (!p.reason)
		return NULL;
	snprintf(why, size, "%s", p.reason);
	return why;
}

void
blk_complain(const char *id, uint64_t *warned, const struct disk_req *io, int err)
{
	uint64_t bit = 1ULL << (err & 63);

	if (!(*warned & bit))
		warn("%s: %s at byte %llu: %s", id,
		    io->op == DISK_READ ? "read" : io->op == DISK_FLUSH ? "flush" : "write",
		    (unsigned long long)io->off, strerror(err));
	*warned |= bit;
}

/* SPDX-License-Identifier: ISC */
/*
 * The regions of an assigned device: its BARs on our bus, and what happens to the guest's accesses. Where the kernel lets us map
 * a BAR the guest gets the pages themselves; ports, small BARs, and what shares a page with the MSI-X table are read and written for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/util.h"
#include "kvm-run/memslot.h"
#include "kvm-run/pci_bar.h"
#include "kvm-run/vfio_dev.h"

#define PAGE 4096ULL
#define BAR_IO 0x01
#define BAR_64 0x04
#define BAR_PREFETCH 0x08
#define BAR_MIN 16
#define PORTS_MIN 4
#define PORTS_MAX 256 /* PCI 3.0, 6.2.5.1 */
#define ROM_MAX (16ULL << 20)
#define INFO_MAX 65536 /* more than any kernel tells of a region */

#define MAPPABLE (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE | VFIO_REGION_INFO_FLAG_MMAP)

/* What the kernel says of a region, with its capabilities, to be freed; NULL when there is nothing. */
static struct vfio_region_info *
get_info(const struct vfio *v, unsigned index)
{
	struct vfio_region_info *info = calloc(1, INFO_MAX);

	if (!info)
		return NULL;
	*info = (struct vfio_region_info){.argsz = INFO_MAX, .index = index};
	if (ioctl(v->fd, VFIO_DEVICE_GET_REGION_INFO, info) == 0)
		return info;
	free(info);
	return NULL;
}

struct vfio_region
vfio_region_get(const struct vfio *v, unsigned index)
{
	struct vfio_region_info *info = get_info(v, index);
	struct vfio_region r = {0};

	if (info)
		r = (struct vfio_region){.size = info->size, .off = info->offset, .flags = info->flags};
	free(info);
	return r;
}

bool
vfio_region_read(const struct vfio *v, const struct vfio_region *r, uint64_t off, void *data, size_t len)
{
	size_t done = 0;

	while (range_within(off, len, r->size) && done < len) {
		ssize_t n = pread(v->fd, (char *)data + done, len - done, (off_t)(r->off + off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	memset((char *)data + done, 0xff, len - done);
	return done == len;
}

bool
vfio_region_write(const struct vfio *v, const struct vfio_region *r, uint64_t off, const void *data, size_t len)
{
	return range_within(off, len, r->size) && pwrite(v->fd, data, len, (off_t)(r->off + off)) == (ssize_t)len;
}

/* The BAR whose region it is; *is64: it takes the next register, too. */
static const char *
add_bar(struct vfio *v, unsigned bar, bool *is64, struct why *reason)
{
	const struct vfio_region *r = &v->regions[bar];
	bool io, power = r->size && !(r->size & (r->size - 1));
	uint32_t reg;

	if (!vfio_region_read(v, &v->config, CFG_BAR0 + 4 * bar, &reg, sizeof(reg)))
		return "its configuration space cannot be read";
	io = reg & BAR_IO;
	*is64 = r->size && !io && reg & BAR_64;
	if (!r->size)
		return NULL;
	if (!power || r->size < (io ? PORTS_MIN : BAR_MIN) || (io && r->size > PORTS_MAX) || (*is64 && bar == PCI_ROM - 1))
		return why(reason, "BAR %u of %llu bytes: not of a size there is", bar, (unsigned long long)r->size);
	if (!*is64 && r->size > UINT32_MAX)
		return why(reason, "BAR %u: too large for a register of 32 bits", bar);
	if (io)
		pci_add_io_bar(&v->pci, bar, (uint32_t)r->size);
	else
		pci_add_bar(&v->pci, bar, r->size, *is64, reg & BAR_PREFETCH);
	return NULL;
}

/* It is read when the guest first looks at it, as that takes long and most never do. */
static void
add_rom(struct vfio *v)
{
	uint64_t size = v->regions[PCI_ROM].size, room = PAGE;

	if (!size || size > ROM_MAX)
		return;
	while (room < size)
		room *= 2;
	v->rom = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (v->rom == MAP_FAILED)
		v->rom = NULL;
	else
		pci_add_rom(&v->pci, v->rom, (uint32_t)room);
}

const char *
vfio_regions_open(struct vfio *v, struct why *reason)
{
	bool is64;

	for (unsigned i = 0; i < PCI_BARS; i++)
		v->regions[i] = vfio_region_get(v, i); /* VFIO_PCI_BAR0_REGION_INDEX and so on, the ROM last, as here */
	for (unsigned i = 0; i < PCI_ROM; i += is64 ? 2 : 1) {
		const char *bad = add_bar(v, i, &is64, reason);

		if (bad)
			return bad;
	}
	add_rom(v);
	return NULL;
}

void
vfio_regions_close(struct vfio *v)
{
	for (unsigned i = 0; i < v->npieces; i++)
		munmap(v->pieces[i].at, v->pieces[i].size);
	if (v->rom)
		munmap(v->rom, v->pci.bars[PCI_ROM].size);
}

/* Best effort: what cannot be mapped is read and written for the guest. */
static void
map_piece(struct vfio *v, unsigned bar, uint64_t off, uint64_t size)
{
	void *at;

	if (v->npieces == ARRAY_LEN(v->pieces))
		return;
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, (off_t)(v->regions[bar].off + off));
	if (at != MAP_FAILED)
		v->pieces[v->npieces++] = (struct vfio_piece){.bar = bar, .off = off, .size = size, .at = at};
}

/* Whether the pages at off have MSI-X's table or pending bits; *to: up to where that is so, `end` at most. */
static bool
msix_pages(const struct pci_dev *d, unsigned bar, uint64_t off, uint64_t end, uint64_t *to)
{
	const struct {
		unsigned bar;
		uint64_t at, len;
	} ours[] = {{d->msix_bar, d->msix_table, pci_msix_table_len(d)}, {d->pba_bar, d->pba, pci_msix_pba_len(d)}};

	*to = end;
	for (unsigned i = 0; i < ARRAY_LEN(ours) && d->nvectors; i++) {
		uint64_t from = align_down(ours[i].at, PAGE), upto = align_up(ours[i].at + ours[i].len, PAGE);

		if (ours[i].bar != bar || upto <= off)
			continue;
		if (from <= off) {
			*to = min_u64(upto, end);
			return true;
		}
		*to = min_u64(from, *to);
	}
	return false;
}

static void
map_area(struct vfio *v, unsigned bar, uint64_t off, uint64_t end)
{
	uint64_t to;

	for (off = align_up(off, PAGE), end = align_down(end, PAGE); off < end; off = to)
		if (!msix_pages(&v->pci, bar, off, end, &to))
			map_piece(v, bar, off, to - off);
}

/* The list of areas, where only some of a region can be mapped, or NULL. */
static const struct vfio_region_info_cap_sparse_mmap *
sparse(const struct vfio_region_info *info)
{
	uint32_t off = info->flags & VFIO_REGION_INFO_FLAG_CAPS ? info->cap_offset : 0;

	for (unsigned n = 0; off && n < 16; n++) {
		const struct vfio_region_info_cap_sparse_mmap *s = (const void *)((const char *)info + off);

		if (off % 8 || off > INFO_MAX - sizeof(*s))
			return NULL;
		if (s->header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP)
			return s->nr_areas <= (INFO_MAX - off - sizeof(*s)) / sizeof(s->areas[0]) ? s : NULL;
		off = s->header.next;
	}
	return NULL;
}

static void
map_bar(struct vfio *v, unsigned bar)
{
	struct vfio_region_info *info = get_info(v, bar);
	const struct vfio_region_info_cap_sparse_mmap *s = info ? sparse(info) : NULL;
	uint64_t size = v->regions[bar].size;

	if (info && !s)
		map_area(v, bar, 0, size);
	for (uint32_t i = 0; s && i < s->nr_areas; i++)
		if (range_within(s->areas[i].offset, s->areas[i].size, size))
			map_area(v, bar, s->areas[i].offset, s->areas[i].offset + s->areas[i].size);
	free(info);
}

void
vfio_regions_map(struct vfio *v)
{
	for (unsigned i = 0; i < PCI_ROM; i++)
		if (v->pci.bars[i].size >= PAGE && !v->pci.bars[i].io && (v->regions[i].flags & MAPPABLE) == MAPPABLE)
			map_bar(v, i);
}

/* Where KVM refuses, as another BAR is there, the guest's accesses come to the bus, which gives them to one of both. */
static void
show(struct vfio *v, unsigned bar, bool on)
{
	unsigned slot = MEM_SLOT_BARS + (unsigned)v->pci.slot * MEM_SLOTS_A_DEVICE;

	for (unsigned i = 0; i < v->npieces; i++) {
		const struct vfio_piece *p = &v->pieces[i];

		if (p->bar == bar)
			vm_map(v->vm, slot + i, v->shown[bar] + p->off, on ? p->size : 0, p->at, 0);
	}
}

void
vfio_bar_mapped(struct pci_dev *d, unsigned bar, uint64_t gpa, bool mapped)
{
	struct vfio *v = container_of(d, struct vfio, pci);

	if (mapped)
		v->shown[bar] = gpa;
	if (!v->asleep)
		show(v, bar, mapped);
	if (!mapped)
		v->shown[bar] = 0;
}

void
vfio_sleep(struct vfio *v, bool asleep)
{
	if (v->asleep == asleep)
		return;
	v->asleep = asleep;
	for (unsigned i = 0; i < PCI_ROM; i++)
		if (v->shown[i])
			show(v, i, !asleep);
}

void
vfio_bar_access(struct pci_dev *d, unsigned bar, uint64_t off, void *data, unsigned len, bool write)
{
	const struct vfio *v = container_of(d, struct vfio, pci);

	if (write)
		vfio_region_write(v, &v->regions[bar], off, data, len);
	else
		vfio_region_read(v, &v->regions[bar], off, data, len);
}

void
vfio_rom_mapped(struct pci_dev *d)
{
	struct vfio *v = container_of(d, struct vfio, pci);

	if (v->rom_read || !v->rom || d->rom != v->rom) /* a fw wire may have brought another */
		return;
	v->rom_read = true;
	vfio_region_read(v, &v->regions[PCI_ROM], 0, v->rom, v->regions[PCI_ROM].size);
}

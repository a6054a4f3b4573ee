/* SPDX-License-Identifier: ISC */
/* The firmware configuration device; the contracts are in fwcfg.h. */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "kvm-run/fwcfg.h"
#include "kvm-run/vm.h"

/* Offsets from FWCFG_PORT */
#define SELECTOR 0 /* 16 bits */
#define DATA 1
#define DMA_HIGH 4 /* big endian; writing the low half starts it */
#define DMA_LOW 8

#define ID_PORTS 1
#define ID_DMA 2

#define DMA_ERROR 1
#define DMA_READ 2
#define DMA_SKIP 4
#define DMA_SELECT 8
#define DMA_WRITE 16
#define DMA_MOST (16U << 20) /* of a read: a vCPU is not held here for longer */

static const char signature[4] = "QEMU", dma_signature[8] = "QEMU CFG";

/* What the guest has in its memory, big endian. */
struct dma_access {
	uint32_t control, length;
	uint64_t address;
};

static void
add(struct fwcfg *f, struct fwcfg_item item)
{
	if (f->nitems == ARRAY_LEN(f->items))
		abort();
	f->items[f->nitems++] = item;
}

void
fwcfg_add(struct fwcfg *f, uint16_t key, const void *data, size_t size)
{
	add(f, (struct fwcfg_item){.key = key, .size = (uint32_t)size, .data = data});
}

void
fwcfg_add_number(struct fwcfg *f, uint16_t key, uint32_t number, size_t size)
{
	add(f, (struct fwcfg_item){.key = key, .size = (uint32_t)size, .number = number});
}

/* Returns the number of a new file. */
static uint16_t
enter(struct fwcfg *f, const char *name, size_t size)
{
	uint32_t n = be32toh(f->directory.count);
	struct fwcfg_file *file = &f->directory.files[n];

	if (n == FWCFG_FILES_MAX || strlen(name) >= sizeof(file->name))
		abort();
	*file = (struct fwcfg_file){.size = htobe32((uint32_t)size), .key = htobe16((uint16_t)(FWCFG_FILE_FIRST + n))};
	strcpy(file->name, name);
	f->directory.count = htobe32(n + 1);
	return (uint16_t)(FWCFG_FILE_FIRST + n);
}

void
fwcfg_add_file(struct fwcfg *f, const char *name, const void *data, size_t size)
{
	fwcfg_add(f, enter(f, name, size), data, size);
}

void
fwcfg_add_number_file(struct fwcfg *f, const char *name, uint32_t number)
{
	fwcfg_add_number(f, enter(f, name, sizeof(number)), number, sizeof(number));
}

/* The next `len` bytes of what is selected, zeroes past its end. */
static void
take(struct fwcfg *f, void *to, uint32_t len)
{
	static const struct fwcfg_item none;
	const struct fwcfg_item *item = &none;
	uint32_t n;

	for (size_t i = 0; i < f->nitems; i++)
		if (f->items[i].key == f->selected)
			item = &f->items[i];
	n = f->offset < item->size ? item->size - f->offset : 0;
	if (n > len)
		n = len;
	if (n)
		memcpy(to, (const char *)(item->data ? item->data : &item->number) + f->offset, n);
	memset((char *)to + n, 0, len - n);
	f->offset += n;
}

static void
select_item(struct fwcfg *f, uint16_t key)
{
	f->selected = key;
	f->offset = 0;
}

/* False: it cannot be done. */
static bool
transfer(struct fwcfg *f, uint32_t control, uint32_t len, uint64_t address)
{
	void *to;

	if (control & DMA_SELECT)
		select_item(f, (uint16_t)(control >> 16));
	if (control & DMA_READ) {
		to = len <= DMA_MOST ? guest_ptr(&f->vm->mem, address, len) : NULL;
		if (to)
			take(f, to, len);
		return to || !len;
	}
	if (control & DMA_WRITE)
		return false;
	if (control & DMA_SKIP)
		f->offset = len > UINT32_MAX - f->offset ? UINT32_MAX : f->offset + len;
	return true;
}

/* The descriptor is read once: the guest may change it meanwhile. */
static void
start_dma(struct fwcfg *f, uint64_t at)
{
	void *place = guest_ptr(&f->vm->mem, at, sizeof(struct dma_access));
	struct dma_access a;
	uint32_t result;

	if (!place)
		return;
	memcpy(&a, place, sizeof(a));
	result = transfer(f, be32toh(a.control), be32toh(a.length), be64toh(a.address)) ? 0 : htobe32(DMA_ERROR);
	memcpy(place, &result, sizeof(result));
}

static void
port_write(struct fwcfg *f, uint64_t off, const void *data, unsigned len)
{
	uint16_t key;
	uint32_t half;

	if (off == SELECTOR && len == sizeof(key)) {
		memcpy(&key, data, sizeof(key));
		select_item(f, key);
	} else if ((off == DMA_HIGH || off == DMA_LOW) && len == sizeof(half)) {
		memcpy(&half, data, sizeof(half));
		half = be32toh(half);
		if (off == DMA_LOW)
			start_dma(f, (uint64_t)f->dma_high << 32 | half);
		f->dma_high = off == DMA_HIGH ? half : 0;
	}
}

static void
port_access(void *dev, uint64_t off, void *data, unsigned len, bool write)
{
	struct fwcfg *f = dev;

	pthread_mutex_lock(&f->lock);
	if (write)
		port_write(f, off, data, len);
	else if (off == DATA && len == 1)
		take(f, data, 1);
	else if (off >= DMA_HIGH)
		memcpy(data, &dma_signature[off - DMA_HIGH], len);
	pthread_mutex_unlock(&f->lock);
}

void
fwcfg_reset(struct fwcfg *f)
{
	f->nitems = 0;
	f->directory.count = 0;
	f->dma_high = 0;
	select_item(f, FWCFG_SIGNATURE);
	fwcfg_add(f, FWCFG_SIGNATURE, signature, sizeof(signature));
	fwcfg_add_number(f, FWCFG_ID, ID_PORTS | ID_DMA, 4);
	fwcfg_add(f, FWCFG_DIRECTORY, &f->directory, sizeof(f->directory));
}

void
fwcfg_init(struct fwcfg *f, struct vm *vm)
{
	f->vm = vm;
	pthread_mutex_init(&f->lock, NULL);
	fwcfg_reset(f);
	bus_add(&vm->ports, FWCFG_PORT, FWCFG_PORTS, port_access, f);
}

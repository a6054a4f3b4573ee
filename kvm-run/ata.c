/* SPDX-License-Identifier: ISC */
/* A hard disk's commands (ACS-3, 7), on the port's I/O thread; the contracts are in ahci_dev.h. */
#include <string.h>

#include "common/bytes.h"
#include "kvm-run/ahci_dev.h"

#define RANGES (sizeof(((struct ata_cmd *)0)->ranges) / 8)
#define DEVICE_FUA 0x80 /* of queued commands */

enum {
	DATA_SET_MANAGEMENT = 0x06,
	READ_SECTORS = 0x20,
	READ_SECTORS_EXT = 0x24,
	READ_DMA_EXT = 0x25,
	READ_MULTIPLE_EXT = 0x29,
	READ_LOG_EXT = 0x2f,
	WRITE_SECTORS = 0x30,
	WRITE_SECTORS_EXT = 0x34,
	WRITE_DMA_EXT = 0x35,
	WRITE_MULTIPLE_EXT = 0x39,
	WRITE_DMA_FUA_EXT = 0x3d,
	READ_VERIFY = 0x40,
	READ_VERIFY_EXT = 0x42,
	READ_FPDMA_QUEUED = 0x60,
	WRITE_FPDMA_QUEUED = 0x61,
	SEEK = 0x70,
	EXECUTE_DIAGNOSTIC = 0x90,
	INITIALIZE_PARAMETERS = 0x91,
	SMART = 0xb0,
	READ_MULTIPLE = 0xc4,
	WRITE_MULTIPLE = 0xc5,
	SET_MULTIPLE = 0xc6,
	READ_DMA = 0xc8,
	WRITE_DMA = 0xca,
	WRITE_MULTIPLE_FUA_EXT = 0xce,
	STANDBY_IMMEDIATE = 0xe0,
	IDLE_IMMEDIATE = 0xe1,
	STANDBY = 0xe2,
	IDLE = 0xe3,
	CHECK_POWER_MODE = 0xe5,
	SLEEP = 0xe6,
	FLUSH_CACHE = 0xe7,
	FLUSH_CACHE_EXT = 0xea,
	IDENTIFY_DEVICE = 0xec,
	SET_FEATURES = 0xef,
};

static void
succeed(struct ata_cmd *c)
{
	ahci_done(c, ATA_READY, 0);
}

static void
refuse(struct ata_cmd *c, uint8_t error)
{
	ahci_done(c, ATA_READY | ATA_ERR, error);
}

/* Sector and count of a command of the three kinds, where 0 sectors means the largest number. */
struct extent {
	uint64_t lba, sectors;
};

static struct extent
extent_of(const struct ata_cmd *c, bool ext)
{
	uint32_t n = c->queued ? c->features : c->count;

	if (ext || c->queued)
		return (struct extent){c->lba, n ? n : 65536};
	return (struct extent){(c->lba & 0xffffff) | (uint64_t)(c->device & 15) << 24, n & 0xff ? n & 0xff : 256};
}

static bool
within(const struct ahci_port *p, struct extent e)
{
	return range_within(e.lba, e.sectors, p->sectors);
}

static void
transfer(struct ata_cmd *c, bool write, bool ext, bool fua)
{
	struct ahci_port *p = c->port;
	struct extent e = extent_of(c, ext);
	uint32_t block = p->wire.disk->block_size;

	if (write && p->wire.disk->read_only)
		refuse(c, ATA_ABRT);
	else if (!within(p, e))
		refuse(c, ATA_IDNF);
	else if (!ahci_to_disk(c, write ? DISK_WRITE : DISK_READ, e.lba * block, e.sectors * block,
		     write && (fua || !p->write_cache) ? DISK_FUA : 0))
		refuse(c, ATA_ABRT);
}

static void
pio_transfer(struct ata_cmd *c, bool write, bool ext)
{
	c->pio = !write;
	transfer(c, write, ext, write && c->command == WRITE_MULTIPLE_FUA_EXT);
}

static void
verify(struct ata_cmd *c, bool ext)
{
	if (within(c->port, extent_of(c, ext)))
		succeed(c);
	else
		refuse(c, ATA_IDNF);
}

/* TRIM: 64 ranges of 48 bits of sector and 16 of count. Neighbours become one; the disk gets one after the other. */
static void
trim(struct ata_cmd *c)
{
	struct ahci_port *p = c->port;

	if (!(c->features & 1) || (c->count & 0xffff) != 1 || p->wire.disk->read_only ||
	    iov_read(c->iov, c->niov, 0, c->ranges, sizeof(c->ranges)) < sizeof(c->ranges)) {
		refuse(c, ATA_ABRT);
		return;
	}
	c->moved = sizeof(c->ranges);
	ata_next_range(c);
}

static struct extent
range_at(const struct ata_cmd *c, unsigned i)
{
	uint64_t v = get_le64(c->ranges + 8 * i);

	return (struct extent){v & 0xffffffffffffULL, v >> 48};
}

void
ata_next_range(struct ata_cmd *c)
{
	struct ahci_port *p = c->port;
	uint32_t block = p->wire.disk->block_size;
	struct extent e = {0}, next;

	for (; c->range < RANGES; c->range++) {
		next = range_at(c, c->range);
		if (!next.sectors)
			continue;
		if (!within(p, next)) {
			refuse(c, ATA_IDNF);
			return;
		}
		if (e.sectors && e.lba + e.sectors != next.lba)
			break;
		e = (struct extent){e.sectors ? e.lba : next.lba, e.sectors + next.sectors};
	}
	if (e.sectors)
		ahci_to_disk(c, DISK_DISCARD, e.lba * block, e.sectors * block, 0);
	else
		succeed(c);
}

static void
flush(struct ata_cmd *c)
{
	ahci_to_disk(c, DISK_FLUSH, 0, 0, 0);
}

static void
identify(struct ata_cmd *c)
{
	uint8_t data[512];

	ata_identify(c->port, data);
	ahci_reply(c, data);
}

/* General purpose logs: the directory, and what NCQ's error recovery reads. */
static void
read_log(struct ata_cmd *c)
{
	struct ahci_port *p = c->port;
	unsigned address = c->lba & 0xff;
	uint8_t data[512] = {1}; /* version */

	data[2 * 0x10] = 1; /* page 10h has one sector */
	if ((address != 0 && address != 0x10) || c->count != 1) {
		refuse(c, ATA_ABRT);
		return;
	}
	ahci_reply(c, address ? p->ncq_error : data);
}

/* ACS-2, 7.52. A disk that is an image is never about to fail. */
static void
smart(struct ata_cmd *c)
{
	uint8_t data[512] = {0x10};

	if ((c->lba >> 8 & 0xffff) != 0xc24f) {
		refuse(c, ATA_ABRT);
		return;
	}
	switch (c->features & 0xff) {
	case 0xd0: /* data: off-line collection never started, no self-test */
	case 0xd1: /* thresholds */
		data[511] = (uint8_t)-data[0];
		ahci_reply(c, data);
		break;
	case 0xd2: /* autosave */
	case 0xd4: /* execute off-line immediate */
	case 0xd8: /* enable */
	case 0xd9: /* disable */
	case 0xda: /* status: the registers stay as they are when all is well */
		succeed(c);
		break;
	default:
		refuse(c, ATA_ABRT);
	}
}

bool
ata_set_features(struct ata_cmd *c)
{
	switch (c->features & 0xff) {
	case 0x03: /* transfer mode: there is no cable whose speed could matter */
	case 0x55: /* look-ahead off */
	case 0x66: /* keep settings over a reset */
	case 0xaa: /* look-ahead on */
	case 0xcc:
		succeed(c);
		return true;
	default:
		return false;
	}
}

static void
set_features(struct ata_cmd *c)
{
	struct ahci_port *p = c->port;

	switch (c->features & 0xff) {
	case 0x02:
		p->write_cache = true;
		succeed(c);
		break;
	case 0x82: /* what is in the cache has to leave it first */
		p->write_cache = false;
		flush(c);
		break;
	default:
		if (!ata_set_features(c))
			refuse(c, ATA_ABRT);
	}
}

/* Commands that need nothing done. */
static void
simple(struct ata_cmd *c)
{
	switch (c->command) {
	case EXECUTE_DIAGNOSTIC:
		c->lba = 1;
		c->count = 1;
		ahci_done(c, ATA_READY, 1); /* no error: 7.9.4 */
		break;
	case CHECK_POWER_MODE:
		c->count = 0xff; /* active */
		succeed(c);
		break;
	case SEEK:
	case INITIALIZE_PARAMETERS:
	case SET_MULTIPLE:
	case STANDBY_IMMEDIATE:
	case IDLE_IMMEDIATE:
	case STANDBY:
	case IDLE:
	case SLEEP:
		succeed(c);
		break;
	default:
		refuse(c, ATA_ABRT);
	}
}

void
ata_command(struct ata_cmd *c)
{
	switch (c->command) {
	case READ_FPDMA_QUEUED: transfer(c, false, true, false); break;
	case WRITE_FPDMA_QUEUED: transfer(c, true, true, c->device & DEVICE_FUA); break;
	case READ_DMA: transfer(c, false, false, false); break;
	case READ_DMA_EXT: transfer(c, false, true, false); break;
	case WRITE_DMA: transfer(c, true, false, false); break;
	case WRITE_DMA_EXT: transfer(c, true, true, false); break;
	case WRITE_DMA_FUA_EXT: transfer(c, true, true, true); break;
	case READ_SECTORS:
	case READ_MULTIPLE: pio_transfer(c, false, false); break;
	case READ_SECTORS_EXT:
	case READ_MULTIPLE_EXT: pio_transfer(c, false, true); break;
	case WRITE_SECTORS:
	case WRITE_MULTIPLE: pio_transfer(c, true, false); break;
	case WRITE_SECTORS_EXT:
	case WRITE_MULTIPLE_EXT:
	case WRITE_MULTIPLE_FUA_EXT: pio_transfer(c, true, true); break;
	case READ_VERIFY: verify(c, false); break;
	case READ_VERIFY_EXT: verify(c, true); break;
	case DATA_SET_MANAGEMENT: trim(c); break;
	case FLUSH_CACHE:
	case FLUSH_CACHE_EXT: flush(c); break;
	case IDENTIFY_DEVICE: identify(c); break;
	case READ_LOG_EXT: read_log(c); break;
	case SMART: smart(c); break;
	case SET_FEATURES: set_features(c); break;
	default: simple(c);
	}
}
